#compdef gitreg
# Completion of gitreg, and of 'git gitreg', for zsh. 'gitreg completion zsh' prints it.

_gitreg() {
    local program=$words[1] line
    local -a fields values shown
    (( $+commands[$program] )) || [[ -x $program ]] || program=gitreg
    for line in "${(@f)$(_GITREG_COMPLETE=zsh_complete $program "${(@Q)words[1,CURRENT-1]}" "$PREFIX" 2>/dev/null)}"; do
        fields=("${(@ps:\t:)line}")
        case $fields[1] in
        word)
            values+=("$fields[2]")
            shown+=("$fields[2]${fields[3]:+  -- $fields[3]}")
            ;;
        file) compset -P '-*='; _files ;;
        dir) compset -P '-*='; _files -/ ;;
        esac
    done
    (( $#values )) && compadd ${${(M)shown:#*  -- *}:+-l} -V gitreg -d shown -a values
}

# git's own completion calls this
_git-gitreg() { _gitreg }

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _gitreg "$@"
else
    compdef _gitreg gitreg
fi
