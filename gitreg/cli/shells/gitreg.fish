# Completion of gitreg, and of 'git gitreg', for fish 3.1 or newer. 'gitreg completion fish' prints it.

function __gitreg_complete
    set -l begun (commandline -ct)
    for line in (_GITREG_COMPLETE=fish_complete gitreg (commandline -opc) "$begun" 2>/dev/null)
        set -l fields (string split \t -- $line)
        switch $fields[1]
            case word
                echo -s $fields[2] \t $fields[3]
            case file
                __fish_complete_path $begun
            case dir
                __fish_complete_directories $begun
        end
    end
end

complete -c gitreg -f -k -a '(__gitreg_complete)'
complete -c git -f -k -n 'contains -- gitreg (commandline -opc)' -a '(__gitreg_complete)'
