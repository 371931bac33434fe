/* Seconds that only go forward, for durations. */
#ifndef BAL_CLOCK_H
#define BAL_CLOCK_H

double bal_clock(void);

#endif
