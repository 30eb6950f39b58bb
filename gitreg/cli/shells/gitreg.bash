# Completion of gitreg, and of 'git gitreg', for bash 4.4 or newer. 'gitreg completion bash' prints it.

_gitreg_reply() {
    local program=$1 kind value _help
    type -P "$program" >/dev/null || program=gitreg
    COMPREPLY=()
    while IFS=$'\t' read -r kind value _help; do
        case $kind in
        word) COMPREPLY+=("$value") ;;
        file) compopt -o default ;;
        dir) compopt -o dirnames ;;
        esac
    done <<<"$(_GITREG_COMPLETE=bash_complete "$program" "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)"
}

# git's own completion calls this
_git_gitreg() {
    compopt -o nosort +o nospace +o default +o bashdefault
    _gitreg_reply gitreg
}

complete -o nosort -F _gitreg_reply gitreg
