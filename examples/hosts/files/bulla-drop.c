/*
 * Watches a folder into which others put envelopes, by whatever transport: opens them, stores what is in them, reads that again
 * from the disk, and answers with a receipt. See README.md.
 */
#define _GNU_SOURCE
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: bulla-drop -i KEYFILE -c CONTEXT --from IDENTITY --guard FILE --dir FOLDER [OPTION]... DROP-FOLDER\n"
    "\n"
    DESK_USAGE
    "      --receipts URL       upload receipts to this folder, instead of putting them beside the envelopes\n"
    "      --rescan TIME        look at everything that is left so often (5s)\n"
    "      --settle TIME        what is not acceptable is set aside once it has not changed for so long (10s)\n"
    "      --once               take what is there, and end\n"
    "      --netrc FILE, --ssh-key FILE, --known-hosts FILE, --authorities FILE, --require-tls   as those of bulla-put\n"
    "\n"
    "Exit status: 0 ended by a signal, or nothing is left; 1 usage, or the folder is gone; 4 something is left for later (--once).\n";

struct options {
    struct desk_options desk;
    struct folder_options folder;
    struct carrier_options carrier;
    uint64_t rescan;
    int once;
};

enum { RECEIPTS = 256, RESCAN, SETTLE, ONCE, NETRC, SSH_KEY, KNOWN_HOSTS, AUTHORITIES, REQUIRE_TLS, HELP };

static const struct option names[] = {
    DESK_OPTIONS, {"receipts", 1, NULL, RECEIPTS}, {"rescan", 1, NULL, RESCAN}, {"settle", 1, NULL, SETTLE}, {"once", 0, NULL, ONCE},
    {"netrc", 1, NULL, NETRC}, {"ssh-key", 1, NULL, SSH_KEY}, {"known-hosts", 1, NULL, KNOWN_HOSTS},
    {"authorities", 1, NULL, AUTHORITIES}, {"require-tls", 0, NULL, REQUIRE_TLS}, {"help", 0, NULL, HELP}, {NULL, 0, NULL, 0},
};

static volatile sig_atomic_t ended;
/* A signal that comes just before it waits must end the wait, too. */
static int wake[2];

static void end(int number)
{
    int before = errno;

    (void)number;
    ended = 1;
    ssize_t done = write(wake[1], "", 1); /* if it is full, it wakes all the same */
    (void)done;
    errno = before;
}

static int set_option(struct options *options, int option)
{
    int fine = desk_option(&options->desk, option, optarg);

    if (fine == 0) {
        fine = 1;
        switch (option) {
        case RECEIPTS: options->folder.receipts = optarg; break;
        case RESCAN: fine = read_duration(optarg, &options->rescan) && options->rescan > 0 && options->rescan < 86400 ? 1 : -1; break;
        case SETTLE: fine = read_duration(optarg, &options->folder.settle) ? 1 : -1; break;
        case ONCE: options->once = 1; break;
        case NETRC: options->carrier.netrc = optarg; break;
        case SSH_KEY: options->carrier.ssh_key = optarg; break;
        case KNOWN_HOSTS: options->carrier.known_hosts = optarg; break;
        case AUTHORITIES: options->carrier.authorities = optarg; break;
        case REQUIRE_TLS: options->carrier.require_tls = 1; break;
        case HELP: fputs(usage, stdout); exit(EXIT_DONE);
        default: return 0;
        }
    }
    if (fine < 0)
        say("%s is not acceptable here", optarg);
    return fine > 0;
}

/* NULL, or what others could exchange. */
static const char *apart(const struct options *options, const char *folder)
{
    const struct carrier_options *carrier = &options->carrier;
    const char *files[] = {carrier->netrc, carrier->ssh_key, carrier->known_hosts, carrier->authorities};

    for (size_t at = 0; at < sizeof files / sizeof files[0]; at++)
        if (files[at] != NULL && desk_is_within(files[at], folder))
            return "the file of --netrc, --ssh-key, --known-hosts or --authorities is in the folder where others put envelopes: keep it elsewhere";
    return desk_apart(&options->desk, folder);
}

static int serve(const struct options *options, struct folder *folder, struct desk *desk)
{
    time_t scanned, cleaned;

    desk_clean(desk);
    if (options->once) {
        long left = folder_scan(folder);
        return left < 0 ? EXIT_USAGE : left > 0 ? EXIT_AWAITED : EXIT_DONE;
    }
    /* First the watch, then the look: so nothing comes between the two. */
    if (!folder_watch(folder))
        return EXIT_USAGE;
    folder_scan(folder);
    scanned = cleaned = time(NULL);
    say("watching %s", options->folder.path);
    while (!ended) {
        if (!folder_wait(folder, (int)options->rescan * 1000))
            return EXIT_USAGE;
        if (!ended && (time(NULL) < scanned || (uint64_t)(time(NULL) - scanned) >= options->rescan)) {
            folder_scan(folder);
            scanned = time(NULL);
        }
        if (time(NULL) < cleaned || time(NULL) - cleaned > 86400) {
            desk_clean(desk);
            cleaned = time(NULL);
        }
    }
    return EXIT_DONE;
}

static int run(const struct options *options)
{
    struct desk *desk = NULL;
    struct folder *folder = NULL;
    struct carrier *carrier = NULL;
    bulla_error error;
    int result = EXIT_USAGE;

    if (told(desk_open(&options->desk, &desk, &error), &error, "the key, the guard or the senders") != BULLA_OK)
        return result;
    if (options->folder.receipts != NULL && (carrier = carrier_new(&options->carrier)) == NULL)
        say("libcurl could not be started");
    else if ((folder = folder_open(&options->folder, desk, carrier)) != NULL)
        result = serve(options, folder, desk);
    folder_close(folder);
    carrier_free(carrier);
    desk_close(desk);
    return result;
}

int main(int argc, char **argv)
{
    struct options options;
    struct sigaction action;
    const char *wrong;
    int option;

    host_name("bulla-drop");
    memset(&options, 0, sizeof options);
    desk_defaults(&options.desk);
    options.rescan = 5;
    options.folder.settle = 10;
    options.folder.ended = options.carrier.ended = &ended;
    while ((option = getopt_long(argc, argv, "i:c:", names, NULL)) != -1)
        if (!set_option(&options, option))
            return say("--help says how it is called"), EXIT_USAGE;
    wrong = desk_check(&options.desk);
    if (wrong == NULL && argc - optind != 1)
        wrong = "name one folder to watch";
    if (wrong == NULL)
        wrong = apart(&options, argv[optind]);
    if (wrong == NULL && options.folder.receipts != NULL)
        wrong = carrier_refuses(options.folder.receipts);
    if (wrong != NULL)
        return say("%s; --help says how it is called", wrong), EXIT_USAGE;
    options.folder.path = argv[optind];
    if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0)
        return say("no pipe can be made: %s", strerror(errno)), EXIT_USAGE;
    options.folder.wake = wake[0];
    memset(&action, 0, sizeof action);
    action.sa_handler = end;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    return run(&options);
}
