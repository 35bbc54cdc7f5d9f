#define _GNU_SOURCE
#include "folder.h"

#include "memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct folder {
    const struct folder_options *options;
    struct desk *desk;
    struct carrier *carrier;
    int at;    /* the folder itself: names in it are used relative to this, so that nobody can put another one in its place */
    int watch; /* -1: not watched */
    struct memory *memory;
};

/* Whether it can work there, and alone. */
static int can_use(const struct folder *folder)
{
    const char *path = folder->options->path;

    if (folder->at < 0)
        return say("%s: %s", path, strerror(errno)), 0;
    if (faccessat(folder->at, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0)
        return say("%s: what is dealt with must be removed from it, and that is not possible: %s", path, strerror(errno)), 0;
    /* Two would take each other's envelopes and receipts away. Where nothing can be locked that is left to the administrator. */
    if (flock(folder->at, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return say("%s: another bulla-drop watches it: one is enough for all senders", path), 0;
    return 1;
}

struct folder *folder_open(const struct folder_options *options, struct desk *desk, struct carrier *carrier)
{
    struct folder *folder = calloc(1, sizeof *folder);

    if (folder == NULL)
        return say("%s: there is no memory to watch it", options->path), NULL;
    folder->options = options;
    folder->desk = desk;
    folder->carrier = carrier;
    folder->watch = -1;
    folder->memory = memory_new();
    folder->at = open(options->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->memory == NULL)
        say("%s: there is no memory to watch it", options->path);
    else if (can_use(folder))
        return folder;
    folder_close(folder);
    return NULL;
}

void folder_close(struct folder *folder)
{
    if (folder == NULL)
        return;
    if (folder->at >= 0)
        close(folder->at);
    if (folder->watch >= 0)
        close(folder->watch);
    memory_free(folder->memory);
    free(folder);
}

/* Says something about a file, but not at each look. */
static void remark(const struct folder *folder, const char *file, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void remark(const struct folder *folder, const char *file, const char *format, ...)
{
    char why[1536];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    if (memory_is_news(folder->memory, file, why))
        say("%s: %s", file, why);
}

static int is_envelope(const char *file)
{
    size_t length = strlen(file);

    return length > 6 && file[0] != '.' && strcmp(file + length - 6, ".bulla") == 0;
}

/* The length of NAME in NAME.bulla; 0 for other files, such as those that are not whole, and where the receipt could have no name. */
static size_t stem(const struct folder *folder, const char *file)
{
    size_t length = strlen(file);

    if (!is_envelope(file))
        return 0;
    const char *wrong = length >= 200 ? "its name is too long" : folder->options->receipts != NULL ? carrier_refuses_name(file) : NULL;
    if (wrong != NULL)
        remark(folder, file, "%s: it is left alone", wrong);
    return wrong == NULL ? length - 6 : 0;
}

static int is_time(const struct timespec *one, const struct timespec *other)
{
    return one->tv_sec == other->tv_sec && one->tv_nsec == other->tv_nsec;
}

/* Whether the name has the file still that was looked at, as it was then: by now another copy may be there, under the same name or
 * written into the same file, which gets its own answer. */
static int is_same(const struct folder *folder, const char *file, const struct stat *opened)
{
    struct stat found;

    return fstatat(folder->at, file, &found, AT_SYMLINK_NOFOLLOW) == 0 && found.st_dev == opened->st_dev && found.st_ino == opened->st_ino &&
           found.st_size == opened->st_size && is_time(&found.st_ctim, &opened->st_ctim);
}

/* 0 if it stays. */
static int set_aside(const struct folder *folder, const char *file, const struct stat *opened, const char *why)
{
    char aside[NAME_MAX + 1];

    if (!is_same(folder, file, opened))
        return 0;
    snprintf(aside, sizeof aside, "%.200s.refused", file);
    if (renameat(folder->at, file, folder->at, aside) == 0) {
        say("%s: set aside as %s: %s", file, aside, why);
        return 1;
    }
    remark(folder, file, "%s; it could not be set aside: %s", why, strerror(errno));
    memory_keep(folder->memory, file, opened);
    return 0;
}

/* Under a temporary name first, and never through a link that somebody else put there. */
static int put_beside(const struct folder *folder, const char *name, const bulla_buffer *receipt)
{
    char temporary[NAME_MAX + 1];

    snprintf(temporary, sizeof temporary, ".%.220s.part", name);
    unlinkat(folder->at, temporary, 0);
    int file = openat(folder->at, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (file < 0)
        return 0;
    int fine = fchmod(file, 0644) == 0 && write_all(file, bulla_buffer_data(receipt), bulla_buffer_length(receipt)) &&
               fsync(file) == 0;
    int before = errno;
    if (close(file) != 0 && fine) {
        fine = 0;
        before = errno;
    }
    if (fine && (renameat(folder->at, temporary, folder->at, name) != 0 || fsync(folder->at) != 0)) {
        fine = 0;
        before = errno;
    }
    if (!fine)
        unlinkat(folder->at, temporary, 0);
    errno = before;
    return fine;
}

/* A receipt as cargo. */
struct receipt_cargo { const bulla_buffer *receipt; size_t place; };

static int receipt_seek(void *context, uint64_t place)
{
    ((struct receipt_cargo *)context)->place = (size_t)place;
    return 1;
}

static long receipt_read(void *context, unsigned char *piece, size_t at_most)
{
    struct receipt_cargo *cargo = context;
    size_t rest = bulla_buffer_length(cargo->receipt) - cargo->place;
    size_t length = rest < at_most ? rest : at_most;

    if (length > 0)
        memcpy(piece, bulla_buffer_data(cargo->receipt) + cargo->place, length);
    cargo->place += length;
    return (long)length;
}

/* Gives the receipt to where the sender will look for it. It is committed by then: if this fails, the envelope stays, and a copy
 * gets the same receipt. */
static int answer(const struct folder *folder, const char *file, const struct taken *taken)
{
    char name[NAME_MAX + 1];

    if (taken->receipt == NULL)
        return 1;
    snprintf(name, sizeof name, "%.*s.receipt", (int)stem(folder, file), file);
    if (folder->options->receipts == NULL) {
        if (put_beside(folder, name, taken->receipt))
            return 1;
        remark(folder, file, "the receipt could not be written, and is to be given later: %s", strerror(errno));
        return 0;
    }
    struct receipt_cargo context = {taken->receipt, 0};
    struct cargo cargo = {bulla_buffer_length(taken->receipt), receipt_seek, receipt_read, NULL, &context};
    if (carrier_upload(folder->carrier, folder->options->receipts, name, &cargo) == CARRIED)
        return 1;
    remark(folder, file, "the receipt could not be uploaded, and is to be given later: %s", carrier_trouble(folder->carrier));
    return 0;
}

/* It is dealt with, and its sender can know that. 0 if it, or another copy, is there still. */
static int done_with(const struct folder *folder, const char *file, const struct stat *opened)
{
    if (!is_same(folder, file, opened))
        return faccessat(folder->at, file, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    if (unlinkat(folder->at, file, 0) == 0)
        return 1;
    remark(folder, file, "it is dealt with, and could not be removed: %s", strerror(errno));
    memory_keep(folder->memory, file, opened);
    return 0;
}

/* The time by the clock that stamps files in this folder: over a network file system that is another machine's. */
static time_t folder_clock(const struct folder *folder)
{
    static const char name[] = ".bulla-drop.clock";
    struct stat found;
    time_t now = time(NULL);

    unlinkat(folder->at, name, 0);
    int file = openat(folder->at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return now;
    if (fstat(file, &found) == 0)
        now = found.st_ctime;
    close(file);
    unlinkat(folder->at, name, 0);
    return now;
}

/* What is still being written ends too early, and is no damage. When it was changed last (ctime) nobody can set, unlike its mtime.
 * That this lies ahead by more than the delay means that the clock was set back since; by less, that it is worth waiting. */
static int may_still_come(const struct folder *folder, const struct stat *opened)
{
    time_t now = folder_clock(folder);
    time_t apart = now > opened->st_ctime ? now - opened->st_ctime : opened->st_ctime - now;

    return (uint64_t)apart < folder->options->settle;
}

static int conclude(struct folder *folder, const char *file, const struct stat *opened, const struct taken *taken)
{
    static const char *const words[] = {"stored", "again", "rejected"};

    switch (taken->outcome) {
    case STORED_NOW:
    case STORED_BEFORE:
    case REJECTED_NOW:
        if (!answer(folder, file, taken))
            return 0;
        tell("%s %s %s", words[taken->outcome], file, taken->text);
        return done_with(folder, file, opened);
    case UNACCEPTABLE:
        if (!taken->notes)
            return 0;
        answer(folder, file, taken);
        return set_aside(folder, file, opened, taken->text);
    case REFUSED_IT: return set_aside(folder, file, opened, taken->text);
    case LATER: break;
    }
    remark(folder, file, "later: %s", taken->text);
    return 0;
}

/* Opens what is to be taken, if it is a file; -1 if not, and then `left` is whether it stays. */
static int open_it(const struct folder *folder, const char *name, struct stat *opened, int *left)
{
    int file = -1;

    *left = 0;
    if (fstatat(folder->at, name, opened, AT_SYMLINK_NOFOLLOW) != 0)
        return -1; /* gone */
    *left = 1;
    if (memory_has(folder->memory, name, opened))
        return -1;
    if (!S_ISREG(opened->st_mode)) {
        *left = !set_aside(folder, name, opened, S_ISLNK(opened->st_mode) ? "it is a link" : "it is no file");
        return -1;
    }
    file = openat(folder->at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    /* Meanwhile it may be another one. */
    if (file >= 0 && fstat(file, opened) == 0 && S_ISREG(opened->st_mode))
        return file;
    if (file >= 0)
        close(file);
    else if (errno != ENOENT && errno != ELOOP)
        remark(folder, name, "%s", strerror(errno));
    return -1;
}

/* Once it was read: names that came and went meanwhile (OpenSSH renames by a link) are no other content, what was written is. */
static void was_read(int file, struct stat *opened)
{
    struct stat now;

    if (fstat(file, &now) == 0 && now.st_size == opened->st_size && is_time(&now.st_mtim, &opened->st_mtim))
        *opened = now;
}

/* Takes one envelope. 0 if it is left for later. */
static int take(struct folder *folder, const char *name)
{
    struct stat opened;
    struct taken taken;
    int left;
    int file = open_it(folder, name, &opened, &left);

    if (file < 0)
        return !left;
    desk_take(folder->desk, file, 0, &taken);
    if (taken.outcome == UNACCEPTABLE && fstat(file, &opened) == 0 && !may_still_come(folder, &opened) && lseek(file, 0, SEEK_SET) == 0) {
        taken_clear(&taken);
        desk_take(folder->desk, file, 1, &taken);
    }
    was_read(file, &opened);
    close(file);
    int done = conclude(folder, name, &opened, &taken);
    taken_clear(&taken);
    return done;
}

int folder_watch(struct folder *folder)
{
    /* OpenSSH renames by a link, which is a creation to us. */
    uint32_t events = IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

    folder->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (folder->watch >= 0 && inotify_add_watch(folder->watch, folder->options->path, events) >= 0)
        return 1;
    say("%s: it cannot be watched: %s", folder->options->path, strerror(errno));
    return 0;
}

/* Somebody wants it to end: after the file in hand. */
static int folder_ended(const struct folder *folder)
{
    return folder->options->ended != NULL && *folder->options->ended;
}

long folder_scan(struct folder *folder)
{
    long left = 0;
    struct dirent *entry;
    int same = openat(folder->at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = same >= 0 ? fdopendir(same) : NULL;

    if (list == NULL) {
        say("%s: %s", folder->options->path, strerror(errno));
        if (same >= 0)
            close(same);
        return -1;
    }
    while ((entry = readdir(list)) != NULL)
        if (!folder_ended(folder) && stem(folder, entry->d_name) > 0 && !take(folder, entry->d_name))
            left++;
    closedir(list);
    return left;
}

/* Takes what one reading of the watch told. 0 if the folder is gone. */
static int take_events(struct folder *folder, const char *events, size_t length)
{
    size_t at = 0;

    while (at < length) {
        const struct inotify_event *event = (const void *)(events + at);

        if ((event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) != 0) {
            say("%s: the folder is gone", folder->options->path);
            return 0;
        }
        if ((event->mask & IN_Q_OVERFLOW) != 0)
            folder_scan(folder);
        else if (!folder_ended(folder) && event->len > 0 && stem(folder, event->name) > 0)
            take(folder, event->name);
        at += sizeof *event + event->len;
    }
    return 1;
}

int folder_wait(struct folder *folder, int milliseconds)
{
    /* As aligned as what is read into it. */
    static union { struct inotify_event event; char bytes[65536]; } events;
    struct pollfd poll_for[2] = {{folder->watch, POLLIN, 0}, {folder->options->wake, POLLIN, 0}};

    if (poll(poll_for, 2, milliseconds) <= 0 || poll_for[0].revents == 0)
        return 1;
    ssize_t got = read(folder->watch, events.bytes, sizeof events.bytes);
    return got <= 0 || take_events(folder, events.bytes, (size_t)got);
}
