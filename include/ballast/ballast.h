/* ballast/ballast.h: the whole public interface. Start with base.h (rules, context), data.h (images
 * in), train.h (recipes, training, prediction), evaluate.h (metrics). loss.h, balance.h,
 * resample.h, evaluate.h and hardness.h work on plain arrays and are useful alone; net.h builds and
 * stores networks. */
#ifndef BALLAST_H
#define BALLAST_H

#include "ballast/base.h"
#include "ballast/array.h"
#include "ballast/data.h"
#include "ballast/loss.h"
#include "ballast/balance.h"
#include "ballast/resample.h"
#include "ballast/net.h"
#include "ballast/evaluate.h"
#include "ballast/calibrate.h"
#include "ballast/train.h"
#include "ballast/cam.h"
#include "ballast/hardness.h"
#include "ballast/audit.h"
#include "ballast/explain.h"
#include "ballast/report.h"

#endif
