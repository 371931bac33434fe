#!/usr/bin/env bash
# explain: a run, a weight file, arrays, two runs; JSON, files, advice that runs, wrong usage.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
"$FIXTURE" || exit 1
for seed in 1 2; do
    run 0 train tiny --model lenet --batch-size 16 --epochs 1 --lr 0.01 --seed $seed --output runs/$seed --quiet
done
run 0 train tiny --model resnet8 --recipe ldam-drw --batch-size 16 --epochs 2 --output runs/cosine --quiet

run 0 explain runs/1 --out files --json full.json
out '^3 classes, 128 features, K = 12; 201 training and 60 test items$'
out '^what the decisions rest on$'
out '^findings$'
err 'does not pool before its head'
json full.json classes=3 features=128 top=12 head=true cosine=false train.items=201 test.items=60 \
    train.classes.2.train_count=14 train.classes.*.figures.effective_rank.common test.classes.0.items=20 \
    test.classes.*.figures.needed.value test.confusion.2.0 test.overlap train.classes.0.top.11.feature \
    train.collapse.nc1 trends.*.figure findings advice train.classes.*.archetypes.safe.items
for file in train-classes.csv train-top.csv test-features.csv test-items.csv test-confusion.csv trends.csv \
    train-fe.npy train-ce.npy train-labels.npy test-fe-mean.npy test-ce-mean.npy; do
    [ -s files/$file ] || wrong "files/$file is missing"
done
[ "$(wc -l <files/test-items.csv)" -eq 61 ] || wrong "test-items.csv has other than 60 items"
[ "$(wc -l <files/train-features.csv)" -eq 385 ] || wrong "train-features.csv has other than 3 x 128 rows"
run 2 explain runs/1 --out files
err 'files: .*a new or empty folder expected'

# the same from a weight file and from the run, with any number of threads
run 0 explain runs/1 --json one.json --quiet --threads 1
run 0 explain runs/1 --json two.json --quiet --threads 2
cmp -s one.json two.json || wrong "one thread and two say other things"

# saved embeddings: what needs no head is the same
run 0 explain --features files/train-fe.npy --labels files/train-labels.npy --test-features files/test-fe.npy \
    --test-labels files/test-labels.npy --json arrays.json
err 'without --head-weight'
out 'there is no linear or cosine head'
json arrays.json head=false classes=3 train.items=201 train.classes.0.figures.needed.value=null
rank() { sed -n '/"effective_rank": {/,/}/p' "$1" | head -4; }
[ "$(rank arrays.json)" = "$(rank full.json)" ] || wrong "the same features have another effective rank"
run 0 explain --features files/train-fe.npy --labels files/train-labels.npy --predictions files/train-labels.npy \
    --head-weight files/train-fe-mean.npy --head-scale 16 --json cosine.json --quiet
json cosine.json head=true cosine=true test=null train.recall=1.0

# pictures: of a network that pools, of one that does not, at a layer; a class has a sheet
run 0 explain runs/cosine --sheets sheets --columns 3 --bootstrap 0 --draws 0 --quiet
[ "$(find sheets -name '[0-2]-*.png' | wc -l)" -eq 3 ] || wrong "sheets has other than 3 pictures"
[ "$(head -c 4 "$(find sheets -name '0-*.png')" | tail -c 3)" = PNG ] || wrong "a sheet is no PNG"
run 0 explain runs/1 --sheets sheets --bootstrap 0 --draws 0 --quiet
run 4 explain runs/1 --sheets sheets --cam ce --bootstrap 0 --draws 0 --quiet
err 'Kind gradcam works'
run 0 explain runs/cosine --sheets sheets --cam-layer layer2.0.conv1 --bootstrap 0 --draws 0 --quiet
run 2 explain runs/cosine --sheets sheets --cam-layer layer2.0.conv3 --bootstrap 0 --draws 0 --quiet
err 'did you mean "layer2.0.conv'
run 2 explain --features files/train-fe.npy --labels files/train-labels.npy --sheets sheets
err 'it needs images'

# a cosine head of a run; two runs
run 0 explain runs/cosine --json - --quiet
json out cosine=true features=64
run 0 explain runs/1 --against runs/2 --json against.json
out '^against the other network$'
json against.json against.features=128 matching.features.1=128 matching.mean matching.chance matching.partner.127 \
    matching.classes.2.recall.1
run 0 explain runs/1 --against runs/cosine --json other.json --quiet
json other.json matching.features.0=128 matching.features.1=64

# what is advised runs
sed -n 's/^ballast train/"$BALLAST" train/p' out >advised
while read -r command; do
    eval "$command --dry-run --quiet" >out 2>err </dev/null || wrong "what explain advises does not run: $command"
done <advised

# wrong usage and bad data
run 2 explain
err 'a run, --model with --weights and DATA, or --features is needed'
run 2 explain runs/1 --features files/train-fe.npy
run 2 explain --features files/train-fe.npy
err '--features goes with --labels'
run 2 explain --labels files/train-labels.npy
run 2 explain runs/1 --head-bias files/test-labels.npy
run 2 explain --features files/train-fe.npy --labels files/train-labels.npy --head-scale 3
run 2 explain --features files/train-fe.npy --labels files/train-labels.npy --against runs/2
run 2 explain --model lenet tiny
run 2 explain runs/1 --top -1
run 3 explain --features files/train-fe.npy --labels files/test-labels.npy
err 'test-labels.npy: 1 dimension of 60 numbers; 1 of 201'
run 3 explain --features files/train-fe.npy --labels files/train-labels.npy --head-weight files/train-labels.npy
err 'classes x 128 features expected'
run 3 explain --features files/train-labels.npy --labels files/train-labels.npy
run 1 explain nowhere
finish
