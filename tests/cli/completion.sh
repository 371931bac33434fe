#!/usr/bin/env bash
# The completion script of bash, asked as bash asks it.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
run 0 completion bash
bash -n out || wrong "not a script"
# shellcheck disable=SC1091
. ./out
offers() { # what must be offered, then the words typed
    want=$1
    shift
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _ballast
    # shellcheck disable=SC2153
    case " ${COMPREPLY[*]} " in *" $want "*) ;; *) wrong "completing \"$*\": no $want in: ${COMPREPLY[*]}" ;; esac
}
line="completion"
offers train ballast tr
offers data ballast d
offers longtail ballast data l
offers --epochs ballast train x --ep
offers --val-split ballast data info x --v
offers ldam-drw ballast train x --recipe ld
offers resnet32 ballast bench train --model res
offers test ballast eval runs/a --split t
offers balanced_accuracy ballast train x --eval-metric bal
run 0 completion zsh
out '^#compdef ballast'
run 0 completion fish
out '^complete -c ballast'
for shell in zsh fish; do
    if command -v "$shell" >/dev/null; then
        "$BALLAST" completion "$shell" >script
        "$shell" -n script || wrong "not a script of $shell"
    fi
done
finish
