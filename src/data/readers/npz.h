/* NPZ in MedMNIST's layout: a ZIP archive of {train,val,test}_{images,labels}.npy. */
#ifndef BAL_NPZ_H
#define BAL_NPZ_H

#include "base/seekable.h"
#include "data/readers/source.h"

/* Fills a source whose reader is bal_reader_npz, path set. Takes the file. */
BAL_MUST_CHECK bal_status bal_npz_read(bal_source *source, bal_ctx *ctx, bal_seekable file);

#endif
