#!/usr/bin/env bash
# Images that cannot be read: an error that names them, or left out with --skip-bad; runs know how their
# images were made.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
"$FIXTURE" || exit 1
for class in a b; do
    mkdir -p "set/$class" "set/$class"
    for i in 1 2 3 4 5 6; do cp shoe.png "set/$class/$i.png"; done
done
for i in $(seq 101 125); do echo "no picture" >"set/b/$i.jpg"; done
: >"set/a/0.png"
small=(--model lenet --batch-size 4 --epochs 1 --img-size 16 --in-chans 1)

run 0 data info set
out 'set/a/0.png: the file is empty'
run 3 train set "${small[@]}" --output runs/strict
err 'set/a/0.png: the file is empty'

run 0 data info set --skip-bad --json info.json
err '^26 images cannot be read and are left out:$'
err '^  set/a/0.png: the file is empty$'
err '^  set/b/119.jpg: no image file that is known: JPEG PNG WebP$'
! grep -q 'b/120.jpg' err || wrong "$line: more than 20 are named"
err '^  and 6 more: `ballast data info'
json info.json items.train=10 items.val=2 skipped.0.name='"a/0.png"' skipped.0.class=0 skipped.25.class=1 \
    skipped.25.split='"train"' skipped.25.reason
run 0 data info tiny --skip-bad --json -
json out skipped
! grep -q 'cannot be read' err || wrong "$line: nothing is bad there"

run 0 train set "${small[@]}" --skip-bad --crop-mode border --crop-pct 0.9 --output runs/lenient
err '26 images cannot be read'
[ "$(wc -l <runs/lenient/skipped.csv)" -eq 27 ] || wrong "skipped.csv: a line an image"
grep -q '^b/101.jpg,train,1,' runs/lenient/skipped.csv || wrong "skipped.csv: $(head -3 runs/lenient/skipped.csv)"
json runs/lenient/data.json data.skip_bad=true data.crop_mode='"border"' data.crop_pct
run 0 eval runs/lenient --split val
err '26 images cannot be read'
run 0 predict runs/lenient shoe.png

run 2 data info set --crop-mode centre
err 'crop-mode'
run 2 data info set --crop-mode center
err 'crop-mode wants img-size'
finish
