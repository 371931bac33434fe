#!/bin/sh
# demo.sh PROGRAM [FOLDER]: Fashion-MNIST cut to a long tail of 100 to 1, a small network trained on it twice
# with the same budget, once plainly and once with a remedy, and what that changed. Two to three minutes on two
# cores that have nothing else to do. Everything shown is measured on this machine; nothing is written but the
# FOLDER (runs/demo).
set -eu
program=${1:?usage: demo.sh PROGRAM [FOLDER]}
folder=${2:-runs/demo}
# Threads that wait shall sleep: a newcomer's machine does other things too.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"
# On the validation split the best of ce, weighted-ce, class-balanced-sampling, balanced-softmax and ldam-drw.
remedy=class-balanced-sampling

say() {
    printf '\n== %s\n\n' "$*"
}

train() { # recipe
    "$program" train fashion-mnist --longtail exp:100 --model resnet8 --epochs 6 --recipe "$1" \
        --output "$folder/$1" --overwrite >/dev/null
}

say "The data: 10 kinds of clothes, cut so that the last has 1 % of the images of the first"
"$program" data info fashion-mnist --longtail exp:100
say "Training with plain cross-entropy"
train ce
say "Training with $remedy: the same network, data, seed and number of epochs"
train "$remedy"
say "Both on the 10,000 test images, which neither has seen"
"$program" report "$folder/ce" "$folder/$remedy" --quiet
echo
echo "The runs are in $folder; \`$program eval $folder/$remedy\` shows more of one."
