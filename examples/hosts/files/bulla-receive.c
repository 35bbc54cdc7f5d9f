/*
 * Takes one envelope from standard input, stores what is in it, reads that again from the disk, and writes the receipt to standard
 * output: as a subsystem of OpenSSH the synchronous form of a transfer. See README.md.
 */
#define _GNU_SOURCE
#include "desk.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char usage[] =
    "usage: bulla-receive -i KEYFILE -c CONTEXT --from IDENTITY --guard FILE --dir FOLDER [OPTION]... < envelope > receipt\n"
    "\n"
    DESK_USAGE
    "\n"
    "Exit status: 0 stored, now or before; 2 not acceptable; 3 refused, or rejected; 4 try again later; 1 anything else.\n";

static const struct option names[] = {DESK_OPTIONS, {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0}};

/* Writes it, unless less would stay free than is to stay free. */
static int spool(int file, const unsigned char *piece, size_t length, uint64_t keep_free)
{
    struct statvfs disk;

    if (fstatvfs(file, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize < keep_free)
        return errno = ENOSPC, 0;
    return write_all(file, piece, length);
}

/* What comes through a pipe is put in a file without a name, for if the name that its sender suggests is taken it is read a second
 * time. With --by-id that is not needed. What is longer than anything that is accepted is not written to its end: the beginning says so.
 * -1 if it fails. */
static int spooled(const struct desk_options *options)
{
    /* With padding, and a header for as many recipients as there can be. */
    uint64_t most = options->max_size < UINT64_MAX / 2 ? options->max_size : UINT64_MAX / 2;
    uint64_t room = most + most / 8 + (4 << 20);
    static unsigned char piece[65536];
    ssize_t got = 0;
    int file = open(options->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    while (file >= 0 && room > 0 && ((got = read(STDIN_FILENO, piece, sizeof piece)) > 0 || (got < 0 && errno == EINTR)))
        if (got > 0) {
            if (!spool(file, piece, (size_t)got, options->keep_free)) {
                got = -1;
                break;
            }
            room -= (uint64_t)got < room ? (uint64_t)got : room;
        }
    if (file >= 0 && (got < 0 || lseek(file, 0, SEEK_SET) != 0)) {
        close(file);
        file = -1;
    }
    return file;
}

/* It may be decided before the end has come. Who sends should still get the answer, and not a broken pipe. */
static void drain(int from)
{
    static unsigned char piece[65536];
    ssize_t got;

    while ((got = read(from, piece, sizeof piece)) > 0 || (got < 0 && errno == EINTR))
        ;
}

static int exit_status(const struct taken *taken)
{
    switch (taken->outcome) {
    case STORED_NOW:
    case STORED_BEFORE: return EXIT_DONE;
    case REJECTED_NOW:
    case REFUSED_IT: return EXIT_REFUSED;
    case UNACCEPTABLE: return EXIT_BAD;
    case LATER: break;
    }
    return bulla_status_class(taken->status) == BULLA_CLASS_USAGE ? EXIT_USAGE : EXIT_AWAITED;
}

static int receive(const struct desk_options *options, struct desk *desk)
{
    struct taken taken;
    int file = STDIN_FILENO;
    int result;

    if (!options->by_id && lseek(STDIN_FILENO, 0, SEEK_CUR) < 0 && (file = spooled(options)) < 0)
        return say("what comes cannot be put on the disk: %s", strerror(errno)), EXIT_AWAITED;
    desk_take(desk, file, 1, &taken);
    drain(STDIN_FILENO);
    result = exit_status(&taken);
    say("%s", taken.text);
    if (taken.receipt != NULL && !write_all(STDOUT_FILENO, bulla_buffer_data(taken.receipt), bulla_buffer_length(taken.receipt))) {
        say("the receipt could not be given: %s; a copy of the message gets it", strerror(errno));
        result = EXIT_USAGE;
    }
    taken_clear(&taken);
    return result;
}

int main(int argc, char **argv)
{
    struct desk_options options;
    struct desk *desk = NULL;
    bulla_error error;
    int option, result = EXIT_USAGE;

    host_name("bulla-receive");
    desk_defaults(&options);
    while ((option = getopt_long(argc, argv, "i:c:", names, NULL)) != -1) {
        if (option == 'h')
            return fputs(usage, stdout) < 0 ? EXIT_USAGE : EXIT_DONE;
        if (desk_option(&options, option, optarg) <= 0)
            return say("--help says how it is called"), EXIT_USAGE;
    }
    const char *wrong = optind < argc ? "it takes no file: the envelope comes on standard input" : desk_check(&options);
    if (wrong != NULL)
        return say("%s; --help says how it is called", wrong), EXIT_USAGE;
    signal(SIGPIPE, SIG_IGN);
    if (told(desk_open(&options, &desk, &error), &error, "the key, the guard or the senders") == BULLA_OK)
        result = receive(&options, desk);
    desk_close(desk);
    return result;
}
