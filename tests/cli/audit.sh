#!/usr/bin/env bash
# audit: sections, JSON, exit status, features of a run, faults that were planted, and a command that runs.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
"$FIXTURE" || exit 1

# tiny has 20 test images that are in its training set
run 0 audit tiny
out '^extent  *serious '
out '^imbalance ratio  *10.3 '
out '^serious .*has at most 19 training images\|^serious .*1 of 3 classes has at most 19'
out '18 of the 83 validation and test images'
out '^ballast train tiny --recipe balanced-softmax --model resnet8$'
no_err
awk 'length > 80 { exit 1 }' out || wrong "audit tiny is wider than 80"
grep -q '###' out || wrong "bars in the C locale"
cp out text
run 0 audit tiny --ascii
cmp -s <(sed 's/(.* s)$//' text) <(sed 's/(.* s)$//' out) || wrong "--ascii in the C locale"
LC_ALL=C.UTF-8 run 0 audit tiny
grep -q '█' out || wrong "no blocks in a UTF-8 locale"
run 0 audit tiny --json -
json out name='"tiny"' severity.worst='"severe"' severity.extent='"serious"' extent.imbalance_ratio \
    extent.items.train=201 extent.items.test=60 extent.classes.2.items.train=14 extent.classes.2.measured=20 \
    extent.classes.2.right=18 extent.classes.*.interval.1 extent.groups.2.name \
    cleanliness.leaked=18 cleanliness.scanned=284 cleanliness.exact_copies.0.items.1.name \
    cleanliness.exact_copies.0.across_splits=true cleanliness.unreadable cleanliness.sizes.most_common.0=12 \
    difficulty.features='"pixels"' difficulty.count=201 difficulty.sampled=false difficulty.classes.*.kdn \
    difficulty.classes.*.types.safe difficulty.items.200.type findings.0.rule findings.*.source \
    advice.recipe='"balanced-softmax"' advice.reasons.*.text advice.command
run 0 audit tiny --json full.json --quiet
json full.json findings
out '^advice'

# parts, sample, settings
run 0 audit tiny --parts extent --json -
json out cleanliness=null difficulty=null severity.cleanliness=null extent.gini
run 0 audit tiny --parts difficulty --max-items 100 --neighbours 3 --components 0 --json -
json out difficulty.count=100 difficulty.of=201 difficulty.sampled=true difficulty.neighbours=3 cleanliness=null
run 0 audit tiny --parts cleanliness --near-distance -1 --json -
json out cleanliness.near_searched=false
run 2 audit tiny --parts extent,cleanlyness
err 'parts wants extent, cleanliness or difficulty'
run 2 audit tiny --near-distance 65
run 2 audit tiny --fail-on ok
run 2 audit
run 3 audit nowhere
for seed in 1 2; do
    run 0 audit tiny --seed $seed --threads 1 --json one.json --quiet
    run 0 audit tiny --seed $seed --threads 2 --json two.json --quiet
    cmp -s <(sed '/"seconds"/,/}/d' one.json) <(sed '/"seconds"/,/}/d' two.json) ||
        wrong "seed $seed: one thread and two say other things"
done

# exit status
run 3 audit tiny --fail-on severe
err '--fail-on severe: leakage (severe)'
out '^advice'
run 3 audit tiny --fail-on mild --json -
json out severity.worst='"severe"'
run 0 audit tiny --parts extent --fail-on severe
run 3 audit tiny --parts extent --fail-on serious

# a folder with faults: a cut file, a blank one, the same picture with two labels
for class in a b c; do
    mkdir -p "faults/$class"
done
cp shoe.png faults/a/1.png
cp shoe.png faults/b/2.png
cp bag.jpg faults/a/3.jpg
cp bag.jpg faults/a/4.jpg
head -c 300 bag.jpg >faults/b/cut.jpg
printf 'P5' >faults/c/no.png
cp bag.jpg faults/c/5.jpg
run 0 audit faults --json faults.json
out '^unreadable'
out '^  = c/5.jpg (c, train)$'
out '^first  *settle what is above: leakage, conflicts, unreadable'
out 'cut.jpg'
json faults.json cleanliness.unreadable.1.reason cleanliness.conflicting severity.cleanliness='"severe"' \
    cleanliness.sizes.different=2
out 'ballast train faults .*--img-size 40 --skip-bad$'
# the command that is printed runs, and with an odd name
mv faults "it's a set"
run 0 audit "it's a set" --longtail step:1:0.5 --seed 3
command=$(sed -n 's/^ballast train/"$BALLAST" train/p' out)
eval "$command --dry-run --quiet" >out 2>err </dev/null || wrong "what audit recommends does not run: $command"

# features of a run
run 0 train tiny --model lenet --batch-size 16 --epochs 1 --lr 0.01 --output runs/a --quiet
run 0 audit tiny --features runs/a --parts difficulty
out '^on runs/a ('
run 0 audit tiny --features runs/a --json -
json out difficulty.features='"runs/a"' difficulty.count=201
mkdir -p two/a two/b
for class in a b; do cp shoe.png "two/$class/1.png" && cp bag.jpg "two/$class/2.jpg"; done
run 4 audit two --features runs/a
err "runs/a knows 3 classes, two has 2"
finish
