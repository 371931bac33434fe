#!/usr/bin/env bash
# A run from training to prediction: exit codes, what is written, eval in its three forms.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
"$FIXTURE" || exit 1
keys=(accuracy balanced_accuracy macro_precision macro_recall macro_f1 weighted_f1 mcc kappa gmean
    auroc_macro average_precision_macro ece nll brier worst_class_recall per_class.*.name
    per_class.*.support per_class.*.precision per_class.*.recall per_class.*.f1 per_class.*.auroc
    per_class.*.average_precision groups ci)
small=(--model lenet --batch-size 16 --lr 0.05)

# 0: a dry run writes nothing and says what it costs
run 0 train tiny "${small[@]}" --epochs 3 --dry-run
for what in '^class' '^parameters' 'FLOPs' 'MiB for the network' '^estimated time'; do out "$what"; done
[ ! -e runs ] || wrong "a dry run wrote"
run 0 train tiny "${small[@]}" --epochs 3 --dry-run --json -
json out classes.2.train=14 parameters flops_per_image flops_total memory_bytes data_bytes seconds \
    epochs=3 batch_size=16 steps_per_epoch
[ ! -e runs ] || wrong "a dry run wrote"

# 0: a run
run 0 train tiny "${small[@]}" --epochs 3 --output runs/a --json a.json
err '^epoch 3/3 '
out '^run folder: runs/a$'
json a.json run='"runs/a"' epochs=3 best_epoch best_monitored seconds split='"test"' \
    evaluation.balanced_accuracy evaluation.per_class.2.recall
for file in recipe.yaml command.txt environment.json split.csv metrics.jsonl best.safetensors \
    last.safetensors summary.json; do
    [ -s "runs/a/$file" ] || wrong "runs/a/$file is missing"
done
grep -q "^ballast train tiny --model lenet" runs/a/command.txt || wrong "command.txt"
[ "$(wc -l <runs/a/metrics.jsonl)" -eq 3 ] || wrong "metrics.jsonl: a line an epoch"
run 0 train tiny "${small[@]}" --epochs 1 --output runs/quiet --quiet
no_err
out '^balanced_accuracy'
# the default folder, settings from the environment below those of the command line
export BALLAST_EPOCHS=1 BALLAST_RECIPE=balanced-softmax
run 0 train tiny "${small[@]}" --seed 7
[ -s runs/tiny-lenet-balanced-softmax-7/best.safetensors ] || wrong "default folder: $(ls runs)"
unset BALLAST_EPOCHS BALLAST_RECIPE

# a bar with the time left on a terminal, and only there
if command -v script >/dev/null; then
    TERM=xterm script -qec "'$BALLAST' train tiny ${small[*]} --epochs 1 --output runs/bar" /dev/null \
        >out 2>err </dev/null
    line="train on a terminal"
    out '^.*epoch 1/1 \[#*\.*\] loss [0-9.]*  [0-9]* images/s  [0-9hms]* left'
    TERM=dumb script -qec "'$BALLAST' train tiny ${small[*]} --epochs 1 --output runs/bar --overwrite" \
        /dev/null >out 2>err </dev/null
    ! grep -q ' left' out || wrong "a bar on a dumb terminal"
fi

# neither a test nor a validation split
for class in a b; do
    mkdir -p "alone/$class"
    for i in 1 2 3; do cp shoe.png "alone/$class/$i.png"; done
done
run 0 train alone --val-split 0 --model lenet --epochs 1 --output runs/alone --json -
json out evaluation=null split=null best_monitored=null 'run="runs/alone"'
run 3 eval runs/alone
err 'neither a test nor a validation split'
run 0 eval runs/alone --split train

# a folder is not overwritten unless told to
run 2 train tiny "${small[@]}" --epochs 1 --output runs/a
err 'runs/a'
run 0 train tiny "${small[@]}" --epochs 1 --output runs/quiet --overwrite

# eval: run, weights and arrays say the same
run 0 eval runs/a --json - --save-scores scores.npy --save-labels labels.npy
json out "${keys[@]}"
cp out run.json
run 0 eval --scores scores.npy --labels labels.npy --train-counts 144,43,14 --json -
json out "${keys[@]}"
for key in accuracy balanced_accuracy macro_f1 ece nll; do
    value=$(sed -n "s/^  \"$key\": \(.*[0-9]\),*$/\1/p" run.json)
    json out "$key=$value"
done
run 0 eval runs/a
out '^balanced_accuracy'
out 'few\|tail'
run 0 eval runs/a tiny --split val
run 0 eval runs/a --split train --bootstrap 0 --save-features features.npy
# float32, 201 training images, 128 numbers each
[ "$(head -c 128 features.npy | tr -d '\0' | grep -ac "'<f4'.*(201, 128)")" -eq 1 ] ||
    wrong "features.npy: $(head -c 128 features.npy)"
run 1 eval runs/a --save-features no/folder/f.npy
run 2 eval --scores scores.npy --labels labels.npy --save-features features.npy
err 'nothing to save'
run 0 eval runs/a --last --engine reference --batch-size 7
run 1 eval runs/a --save-scores no/folder/s.npy
[ ! -s out ] || out 'accuracy'
run 0 eval --model lenet --weights runs/a/best.safetensors --mean 0.3 --std 0.2 tiny --json -
json out "${keys[@]}"
run 2 eval --model lenet --weights runs/a/best.safetensors --mean 0.3,0.3,0.3 tiny
err 'mean has 3 numbers, 1 expected'
run 2 eval --model lenet --weights runs/a/best.safetensors --std 0 tiny
err 'std wants numbers above 0'

# predict
run 0 predict runs/a shoe.png bag.jpg
[ "$(wc -l <out)" -eq 2 ] || wrong "predict: a line an image"
out '^shoe.png: '
run 0 predict runs/a shoe.png bag.jpg --csv
[ "$(wc -l <out)" -eq 3 ] || wrong "predict --csv: a line an image and the head"
out '^image,class,probability,'
run 0 predict runs/a shoe.png bag.jpg --json -
json out '0.image="shoe.png"' '*.class' '*.probability' '*.probabilities.2.class'
run 1 predict runs/a nothing.png
err 'nothing.png'

# report
run 0 report runs/a runs/quiet
out 'macro'
out 'rare\|tail\|few'
run 0 report runs/a runs/quiet --json -
json out 'runs.*.evaluation.accuracy' 'runs.0.name="a"'

# 1: the operating system refuses
run 1 train tiny "${small[@]}" --epochs 1 --output shoe.png/x
err 'shoe.png'
# 2: recipe and model that do not exist
run 2 train tiny --model resnet21
err 'did you mean "resnet20"'
run 2 train tiny --recipe ldam-dwr
err 'did you mean "ldam-drw"'
run 2 train tiny --eval-metric acuracy
err 'did you mean "accuracy"'
# 3: bad data
run 3 train cut "${small[@]}"
err 'cut/train-images-idx3-ubyte'
run 3 train nowhere "${small[@]}"
run 3 data info cut
printf 'path,label\nshoe.png,"shoe\nbag.jpg,bag\n' >open.csv
run 3 data info open.csv
err 'open.csv:2: the quote that is opened here is never closed'
printf '{"path": "shoe.png", "label": "s\\u001b[2J"}\n' >control.jsonl
run 3 data info control.jsonl
err 'control.jsonl:1: the label "s?\[2J" has a control character'
run 3 eval --scores shoe.png --labels labels.npy
err 'shoe.png'
run 3 predict runs/a runs/a/command.txt
err 'command.txt'
# 4: what does not fit
printf 'name: x\nstages:\n  - epochs: 100%%\n    loss: {name: focal, gama: 1}\n' >x.yaml
run 4 train tiny "${small[@]}" --recipe x.yaml
err 'x.yaml:4: .*"gama".*did you mean "gamma"'
run 4 eval --model resnet8 --weights runs/a/best.safetensors tiny
err 'conv1.weight is .* but should be'
# 5: diverged
run 5 train tiny "${small[@]}" --epochs 3 --lr 1e12 --output runs/far
err 'epoch 1'
# groups of items: the column of a manifest, and numbers in a file
mkdir -p sites
{
    echo path,label,split,group
    for i in 1 2 3 4 5 6; do
        for label in shoe bag; do
            cp "$label.$([ $label = shoe ] && echo png || echo jpg)" "sites/$label-$i.img"
            split=$([ $i -le 3 ] && echo train || echo test)
            echo "$label-$i.img,$label,$split,site-$split-$((i % 2))"
        done
    done
} >sites/all.csv
run 0 train sites/all.csv --model lenet --img-size 12 --in-chans 1 --epochs 1 --batch-size 4 --val-split 0 \
    --output runs/sites
run 0 eval runs/sites --bootstrap 0
out '^site-test-0  *4  *2 '
out 'too few items to be among the worst: 2 groups, 4 pairs of class and group'
run 0 eval runs/sites --bootstrap 0 --json -
json out item_groups.1.items=2 fairness.worst_group=null fairness.small_cells=4
run 0 eval runs/a --bootstrap 0 --save-labels groups.npy
run 0 eval runs/a --bootstrap 0 --groups groups.npy
out '^group of items'
out '^worst class and group: \([012]\) in \1, recall 0.000 of 20 items'
run 0 eval --scores scores.npy --labels labels.npy --groups labels.npy --bootstrap 0
out '^worst group '
run 3 eval runs/a --split val --groups groups.npy
err 'a group for each of the'
finish
