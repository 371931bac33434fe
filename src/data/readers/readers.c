/* The table of readers. Order is the order of probing: the surest first. */
#include "data/readers/source.h"

#include <string.h>

static const bal_reader *const readers[] = {
    &bal_reader_idx, &bal_reader_cifar10, &bal_reader_cifar100, &bal_reader_npz,
    &bal_reader_csv, &bal_reader_jsonl,   &bal_reader_shards,   &bal_reader_folder,
};

const bal_reader *bal_reader_probe(const char *path)
{
    for (size_t i = 0; i < BAL_COUNT_OF(readers); i++)
        if (readers[i]->probe(path))
            return readers[i];
    return NULL;
}

const bal_reader *bal_reader_named(const char *name)
{
    for (size_t i = 0; i < BAL_COUNT_OF(readers); i++)
        if (strcmp(readers[i]->info.name, name) == 0)
            return readers[i];
    return NULL;
}

const bal_format_info *bal_format_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(readers) ? &readers[i]->info : NULL;
}
