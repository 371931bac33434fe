/* Unpacking. The folder is new and no link is ever made in it, so a name without ".." that does not
 * begin with "/" stays inside. */
#include "data/known/unpack_folder.h"

#include "base/writer.h"
#include "data/known/free_space.h"
#include "data/readers/source.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES ((size_t)256 * 1024)
#define BUFFER_BYTES ((size_t)1 << 18)
#define LOOK_EVERY ((uint64_t)64 << 20)
#define WALK_FILES 16

typedef struct unpacking {
    bal_ctx *ctx;
    const bal_unpack *u;
    struct archive *archive;
    struct archive_entry *entry;
    const char *name; /* of the member */
    unsigned char *buffer;
    int64_t size; /* of the archive */
    uint64_t bytes, looked;
    int64_t files;
} unpacking;

static bal_status fail_archive(const unpacking *p)
{
    const char *why = archive_error_string(p->archive);
    if (archive_errno(p->archive) == ENOMEM)
        return bal_fail(p->ctx, BAL_NO_MEMORY, "%s: no memory to unpack it", p->u->archive);
    return bal_fail(p->ctx, BAL_BAD_FILE, "%s: cannot be unpacked: %s", p->u->archive,
                    why ? why : "damaged");
}

static bal_status refuse(const unpacking *p, const char *what)
{
    return bal_fail(p->ctx, BAL_BAD_FILE, "%s: member \"%s\" %s: nothing was unpacked",
                    p->u->archive, p->name, what);
}

/* ---- names ---- */

static bool has_parent(const char *name)
{
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || !part[2]))
            return true;
    }
    return false;
}

static bal_status check_name(const unpacking *p)
{
    if (!*p->name)
        return refuse(p, "has no name");
    if (p->name[0] == '/')
        return refuse(p, "has an absolute name");
    if (has_parent(p->name))
        return refuse(p, "leads out of the folder");
    for (const char *c = p->name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '\\')
            return refuse(p, "has a name with control characters or backslashes");
    return BAL_OK;
}

/* The folders above the last part, and the last part as well where it is a folder. */
static bal_status make_folders(const unpacking *p, char *path, bool whole)
{
    const size_t root = strlen(p->u->folder) + 1;
    for (char *at = path + root; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        const bool made = mkdir(path, 0777) == 0 || (errno == EEXIST && bal_is_folder(path));
        *at = '/';
        if (!made) {
            const bal_status why = errno == EEXIST ? BAL_BAD_FILE : BAL_IO;
            return bal_fail(p->ctx, why, "%s: cannot make this folder: %s", path, strerror(errno));
        }
    }
    if (whole && mkdir(path, 0777) != 0 && !(errno == EEXIST && bal_is_folder(path)))
        return bal_fail(p->ctx, BAL_IO, "%s: cannot make this folder: %s", path, strerror(errno));
    return BAL_OK;
}

/* ---- members ---- */

static bal_status check_room(unpacking *p, uint64_t more)
{
    p->bytes += more;
    if (p->bytes > p->u->most_bytes)
        return bal_fail(p->ctx, BAL_BAD_FILE,
                        "%s: unpacks to more than the limit of %" PRIu64 " bytes", p->u->archive,
                        p->u->most_bytes);
    if (p->bytes - p->looked < LOOK_EVERY)
        return BAL_OK;
    p->looked = p->bytes;
    return bal_space_check(p->ctx, p->u->folder, LOOK_EVERY);
}

static bal_status write_all(const unpacking *p, const char *path, int fd, size_t count)
{
    for (size_t at = 0; at < count;) {
        const ssize_t wrote = write(fd, p->buffer + at, count - at);
        if (wrote >= 0)
            at += (size_t)wrote;
        else if (errno != EINTR)
            return bal_fail(p->ctx, BAL_IO, "%s: cannot write: %s", path, strerror(errno));
    }
    return BAL_OK;
}

static bal_status copy_data(unpacking *p, const char *path, int fd)
{
    for (;;) {
        const la_ssize_t got = archive_read_data(p->archive, p->buffer, BUFFER_BYTES);
        if (got < 0)
            return fail_archive(p);
        if (got == 0)
            break;
        if (bal_take_interrupt(p->ctx))
            return bal_fail(p->ctx, BAL_INTERRUPTED, "interrupted while %s was unpacked",
                            p->u->archive);
        BAL_TRY(check_room(p, (uint64_t)got));
        BAL_TRY(write_all(p, path, fd, (size_t)got));
        if (p->u->progress)
            p->u->progress(p->u->user, (int64_t)archive_filter_bytes(p->archive, -1), p->size);
    }
    if (fsync(fd) != 0)
        return bal_fail(p->ctx, BAL_IO, "%s: cannot write: %s", path, strerror(errno));
    return BAL_OK;
}

static bal_status write_file(unpacking *p, char *path)
{
    BAL_TRY(make_folders(p, path, false));
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return refuse(p, "is there twice");
    if (fd < 0)
        return bal_fail(p->ctx, BAL_IO, "%s: cannot create: %s", path, strerror(errno));
    bal_status status = copy_data(p, path, fd);
    if (close(fd) != 0 && status == BAL_OK)
        status = bal_fail(p->ctx, BAL_IO, "%s: cannot write: %s", path, strerror(errno));
    return status;
}

static bal_status unpack_member(unpacking *p)
{
    char path[BAL_PATH_LENGTH];
    const char *name = archive_entry_pathname_utf8(p->entry);
    p->name = name ? name : archive_entry_pathname(p->entry);
    if (!p->name)
        return bal_fail(p->ctx, BAL_BAD_FILE, "%s: a member has no name", p->u->archive);
    BAL_TRY(check_name(p));
    if (++p->files > p->u->most_files)
        return bal_fail(p->ctx, BAL_BAD_FILE, "%s: more than the limit of %" PRId64 " members",
                        p->u->archive, p->u->most_files);
    if (!bal_path_join(path, sizeof path, p->u->folder, p->name))
        return refuse(p, "has too long a name");
    if (archive_entry_hardlink(p->entry) || archive_entry_symlink(p->entry))
        return refuse(p, "is a link");
    if (archive_entry_filetype(p->entry) == AE_IFDIR)
        return make_folders(p, path, true);
    if (archive_entry_filetype(p->entry) != AE_IFREG)
        return refuse(p, "is neither a file nor a folder");
    return write_file(p, path);
}

static bal_status unpack_members(unpacking *p)
{
    for (;;) {
        const int result = archive_read_next_header(p->archive, &p->entry);
        if (result == ARCHIVE_EOF)
            return BAL_OK;
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
            return fail_archive(p);
        BAL_TRY(unpack_member(p));
    }
}

/* A library without one of these would start a program for it, and says so by ARCHIVE_WARN. */
static int (*const filters[])(struct archive *) = {
    archive_read_support_filter_gzip, archive_read_support_filter_bzip2,
    archive_read_support_filter_xz, archive_read_support_filter_zstd};

static bal_status open_archive(unpacking *p)
{
    struct stat info;
    if (stat(p->u->archive, &info) != 0)
        return bal_fail(p->ctx, BAL_IO, "%s: %s", p->u->archive, strerror(errno));
    p->size = (int64_t)info.st_size;
    p->archive = archive_read_new();
    p->buffer = bal_calloc(p->ctx, BUFFER_BYTES, 1);
    if (!p->archive || !p->buffer)
        return bal_fail(p->ctx, BAL_NO_MEMORY, "%s: no memory to unpack it", p->u->archive);
    for (size_t i = 0; i < BAL_COUNT_OF(filters); i++)
        if (filters[i](p->archive) != ARCHIVE_OK)
            return bal_fail(p->ctx, BAL_UNSUPPORTED,
                            "%s: this libarchive was built without gzip, bzip2, xz or zstd",
                            p->u->archive);
    if (archive_read_support_format_tar(p->archive) != ARCHIVE_OK ||
        archive_read_support_format_zip(p->archive) != ARCHIVE_OK ||
        archive_read_open_filename(p->archive, p->u->archive, READ_BYTES) != ARCHIVE_OK)
        return fail_archive(p);
    return BAL_OK;
}

bal_status bal_unpack_folder(bal_ctx *ctx, const bal_unpack *u)
{
    unpacking p = {.ctx = ctx, .u = u};
    if (mkdir(u->folder, 0777) != 0)
        return bal_fail(ctx, BAL_IO, "%s: cannot make this folder: %s", u->folder, strerror(errno));
    bal_status status = open_archive(&p);
    if (status == BAL_OK)
        status = unpack_members(&p);
    archive_read_free(p.archive);
    bal_free(ctx, p.buffer);
    if (status != BAL_OK) {
        char text[BAL_ERROR_LENGTH]; /* the reason must outlive the tidying */
        snprintf(text, sizeof text, "%s", bal_error(ctx));
        (void)bal_remove_folder(ctx, u->folder);
        return bal_fail(ctx, status, "%s", text);
    }
    return BAL_OK;
}

/* ---- removing ---- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

bal_status bal_remove_folder(bal_ctx *ctx, const char *path)
{
    if (nftw(path, remove_one, WALK_FILES, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return BAL_OK;
    return bal_fail(ctx, BAL_IO, "%s: cannot be removed: %s", path, strerror(errno));
}
