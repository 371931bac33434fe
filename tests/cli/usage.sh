#!/usr/bin/env bash
# Words: commands, options, abbreviations, environment, help. Wrong ones end with 2 and a sentence.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

run 2
err '^usage: ballast COMMAND'
no_out
run 0 help
out '^usage: ballast COMMAND'
no_err
run 0 --help
run 0 -h
run 0 --version
out '^ballast [0-9]'
run 0 version --json -
json out version engines.0.name

# commands
run 2 trian fashion-mnist
err 'unknown command "trian"; did you mean "train"?'
no_out
run 2 data lits
err 'did you mean "data list"?'
run 2 xylophone
err 'unknown command "xylophone" (ballast help lists them)'
run 2 --quiet train
err 'options follow the command'
run 2 data
err 'data longtail'
no_out
run 0 data --help
out 'data longtail'
run 0 help data
out 'data longtail'
run 2 help trian
err 'did you mean "train"?'
run 2 help train fashion-mnist

# every command has help, in at most 80 columns but for examples, and the same in both ways
[ "$(commands | wc -l)" -ge 13 ] || wrong "ballast help lists too few commands"
while read -r command; do
    read -r -a words <<<"$command"
    run 0 "${words[@]}" --help
    out "^usage: ballast $command"
    no_err
    cp out asked
    run 0 help "${words[@]}"
    cmp -s out asked || wrong "help $command and $command --help differ"
    long=$(sed '/^examples:/,$d' out | awk 'length > 80')
    [ -z "$long" ] || wrong "$command --help is wider than 80: $long"
    run 0 "${words[@]}" -h
    run 2 "${words[@]}" --no-such-option
    err 'unknown option --no-such-option'
done < <(commands)

# options
run 2 train tiny --epochs '2000*12'
err '^ballast: --epochs wants a whole number from 1 to 100000, got "2000\*12"$'
no_out
run 2 train tiny --epochs=0
err 'epochs wants'
run 2 train tiny --epochs
err 'epochs wants a value'
run 2 train tiny --lr nan
err 'lr wants a number'
run 2 train tiny --epocs 3
err 'unknown option --epocs; did you mean --epochs? (ballast train --help lists them)'
run 2 train tiny --e 3
err '\-\-e could be --epochs, --.*eval-metric'
run 2 train tiny --dry-run=perhaps
err 'dry-run wants true or false'
run 2 train tiny --no-epochs
err 'unknown option --no-epochs'
run 2 train tiny --no-quiet=true
err 'takes no value'
run 2 train tiny --set lr
err 'set wants KEY=VALUE'
run 2 train
err 'DATA is missing (usage: ballast train DATA'
run 2 train tiny other
err '"other" is one argument too many'
run 2 train tiny -x
err 'unknown option -x'
run 2 train tiny --model ''
err 'model wants a text'
run 2 eval somewhere --split all
err 'split wants one of train|val|test'
run 2 train tiny --threads 5000
err 'threads wants'
run 0 bench train --model lenet --batch 8 --steps 1 --img-size 12 --json -
json out images_per_second step_ms gflops floor_ms matmul_gflops peak_memory_mb batch_size=8
run 0 bench train --model=lenet --batch-size=8 --steps=1 --img-size=12
out '^images a second'

# what stands after -- is no option
run 3 data info -- --json
err '\-\-json: '

# environment: below the command line, above the defaults
export BALLAST_BATCH_SIZE=8 BALLAST_STEPS=1 BALLAST_MODEL=lenet BALLAST_IMG_SIZE=12
run 0 bench train --json -
json out batch_size=8 model='"lenet"'
run 0 bench train --batch 4 --json -
json out batch_size=4
BALLAST_STEPS=many
run 2 bench train
err 'BALLAST_STEPS in the environment: --steps wants a whole number'
unset BALLAST_BATCH_SIZE BALLAST_STEPS BALLAST_IMG_SIZE
# but what a command does is said by hand
run 2 eval
err 'what to measure is missing'
unset BALLAST_MODEL

# a form of a command refuses the options of another
run 2 eval --scores a.npy
err '\-\-labels is missing'
run 2 eval --model lenet tiny
err '\-\-weights is missing'
run 2 eval --scores a.npy --labels b.npy --mean 1
err '\-\-mean does not go with --scores'
run 2 eval runs/x --longtail exp:10
err '\-\-longtail goes with DATA'
run 2 eval runs/x --mean 0.5
err '\-\-mean goes with --model and --weights'
run 2 manual
run 2 completion tcsh
err 'bash, zsh or fish'
run 2 methods resipes
err 'did you mean "recipes"?'
run 2 methods --yaml ldam-dwr
err 'did you mean "ldam-drw"?'
finish
