/*
 * Takes one envelope from standard input, stores what is in it, reads that again from the disk, and writes the receipt to standard
 * output: as a subsystem of OpenSSH the synchronous form of a transfer. See README.md.
 */
#define _GNU_SOURCE
#include "desk.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: bulla-receive -i KEYFILE -c CONTEXT --from IDENTITY --guard FILE --dir FOLDER [OPTION]... < envelope > receipt\n"
    "\n"
    DESK_USAGE
    "\n"
    "Exit status: 0 stored, now or before; 2 not acceptable; 3 refused, or rejected; 4 try again later; 1 anything else.\n";

static const struct option names[] = {DESK_OPTIONS, {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0}};

enum { MOST_UNREAD = 8 << 20 };

/* It may be decided before the end has come. Who sends should still get the answer, and not a broken pipe; but not send for ever. */
static void drain(int from)
{
    static unsigned char piece[65536];
    ssize_t got = 0;

    for (size_t left = MOST_UNREAD; left > 0; left -= got > 0 ? (size_t)got : 0)
        if ((got = read(from, piece, left < sizeof piece ? left : sizeof piece)) == 0 || (got < 0 && errno != EINTR))
            return;
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

static int receive(struct desk *desk)
{
    struct taken taken;
    int result;

    desk_take(desk, STDIN_FILENO, 1, &taken);
    drain(STDIN_FILENO);
    result = exit_status(&taken);
    say("%s", taken.text);
    if (taken.receipt != NULL && !write_all(STDOUT_FILENO, bulla_buffer_data(taken.receipt), bulla_buffer_length(taken.receipt))) {
        say("the receipt could not be given: %s; a copy of the message gets it", strerror(errno));
        result = EXIT_USAGE;
    }
    taken_clear(&taken);
    /* The sender has the answer. */
    fflush(stdout);
    close(STDOUT_FILENO);
    desk_clean(desk);
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
        result = receive(desk);
    desk_close(desk);
    return result;
}
