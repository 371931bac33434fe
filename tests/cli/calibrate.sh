#!/usr/bin/env bash
# ballast calibrate: what it prints and stores, how eval and predict use it, and what it refuses.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
"$FIXTURE" || exit 1
run 0 train tiny --model lenet --batch-size 16 --lr 0.05 --epochs 3 --recipe balanced-softmax --output runs/a

# a chain, stored with the run; eval and predict say that they use it
run 0 calibrate runs/a --method prior,temperature,offsets --test-prior counts --always
for what in '^prior ' '^temperature .*nll' '^offsets .*balanced_accuracy' '^temperature: T [0-9.]*$' \
    '^prior of the scores: *0.3333 0.3333 0.3333$' '^prior of the probabilities: 0.7164'; do out "$what"; done
err 'stored in runs/a/calibration.json'
[ -s runs/a/calibration.json ] || wrong "no calibration.json"
run 0 eval runs/a --bootstrap 0
out '^calibrated by prior, temperature, offsets'
out '^ece  *[0-9.]*  *[0-9.]*$'
run 0 eval runs/a --bootstrap 0 --json -
json out 'calibration.methods.1="temperature"' calibration.before.ece calibration.after.ece \
    calibration.before.macro_f1 calibration.after.worst_class_recall
run 0 eval runs/a --bootstrap 0 --no-calibration --json plain.json
! grep -q '^calibrated' out || wrong "calibrated in spite of --no-calibration"
json plain.json calibration=null
run 0 predict runs/a shoe.png
err 'calibrated by prior, temperature, offsets'
run 0 predict runs/a shoe.png --json -
json out 0.calibrated=true
run 0 predict runs/a shoe.png --no-calibration
no_err
run 0 report runs/a
run 0 eval runs/a --last --bootstrap 0
err 'not used with last.safetensors'

# JSON, EM without labels, and removal
run 0 calibrate runs/a --method em --json -
json out 'steps.0.method="em"' steps.0.items=60 steps.0.crossed=null calibration.classes=3 \
    'file="runs/a/calibration.json"'
run 0 calibrate runs/a --remove
[ ! -e runs/a/calibration.json ] || wrong "--remove left it"
run 0 calibrate runs/a --remove

# a step that cannot help is left out, and said to
printf '1,1,1\n1,1,1\n\n1,1,1\n' >same.csv
run 0 calibrate runs/a --method offsets --objective cost --cost same.csv
err 'offsets: no sure help: cost is 1.0000 cross-fitted, 1.0000 without .*; left out'
err 'nothing is stored'
[ ! -e runs/a/calibration.json ] || wrong "stored what does not help"

# arrays say the same as the run
run 0 eval runs/a --split val --bootstrap 0 --save-scores val.npy --save-labels labels.npy
run 0 calibrate runs/a --always --json run.json
run 0 calibrate --scores val.npy --labels labels.npy --always --output mine.json --json arrays.json
grep '"scale"' -A 3 run.json >one
grep '"scale"' -A 3 arrays.json >two
cmp -s one two || wrong "arrays and run differ"
run 0 eval --scores val.npy --labels labels.npy --calibration mine.json --bootstrap 0
out '^calibrated by temperature'
run 0 calibrate --scores val.npy --labels labels.npy --method prior --train-prior 0.5,0.3,0.2 \
    --test-prior uniform --output prior.json
run 0 calibrate --scores val.npy --labels labels.npy --method em --train-prior fitted --target-scores val.npy
run 0 calibrate --scores val.npy --labels labels.npy --method logit-adjustment --train-counts 144,43,14

# refusals
refuse() { # CODE 'what stderr says' WORDS...
    code=$1 says=$2
    shift 2
    run "$code" calibrate "$@"
    err "$says"
}
refuse 2 'a RUN, or --scores'
refuse 2 '"temprature"; did you mean\|"temprature", did you mean' runs/a --method temprature
refuse 2 'sums to 0.9' runs/a --method prior --test-prior 0.5,0.2,0.2
refuse 2 'test prior is missing' runs/a --method prior
refuse 2 '\-\-test-prior' runs/a --method prior --test-prior 0.5,0.5
refuse 4 'after offsets' runs/a --method offsets,temperature --always
refuse 2 'cost matrix' runs/a --method offsets --objective cost
printf '0,1\n1,0\n' >two.csv
refuse 3 'two.csv' runs/a --method offsets --objective cost --cost two.csv
printf '0,1,1\n1,0,1\n' >short.csv
refuse 3 '3 x 3 expected, found 2 lines' runs/a --method offsets --objective cost --cost short.csv
refuse 1 'none.csv' runs/a --method offsets --objective cost --cost none.csv
refuse 3 '3 x 3 expected' runs/a --method offsets --objective cost --cost val.npy
refuse 2 '\-\-labels is missing' --scores val.npy
refuse 2 'take no run' runs/a --scores val.npy --labels labels.npy
refuse 2 'goes with --scores' runs/a --output x.json
refuse 4 'needs the prior' --scores val.npy --labels labels.npy --method prior --test-prior uniform
refuse 2 'training counts' --scores val.npy --labels labels.npy --method logit-adjustment
refuse 3 'labels.npy' --scores labels.npy --labels labels.npy
run 2 eval runs/a --calibration mine.json
echo '{}' >runs/a/calibration.json
run 3 eval runs/a
err 'runs/a/calibration.json'
run 0 eval runs/a --no-calibration --bootstrap 0
# a new run in the folder takes the old one's calibration away
run 0 train tiny --model lenet --batch-size 16 --epochs 1 --output runs/a --overwrite --quiet
[ ! -e runs/a/calibration.json ] || wrong "overwritten, but its calibration stayed"
finish
