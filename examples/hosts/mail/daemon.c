#include "handed.h"
#include "host.h"
#include "log.h"
#include "milter.h"
#include "receipts.h"

#include <dirent.h>
#include <errno.h>
#include <libmilter/mfapi.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t reload;
static volatile pid_t child;
static volatile sig_atomic_t ending;
static const char *configuration_file, *forced_role, *forced_socket;

static int control_address(const struct config *config, struct sockaddr_un *address)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (config->control == NULL || strlen(config->control) >= sizeof address->sun_path)
        return log_error("control must be the path of a socket, of at most %zu characters", sizeof address->sun_path - 1), -1;
    memcpy(address->sun_path, config->control, strlen(config->control) + 1);
    return 0;
}

/* Answers one question: "ID\n" gets "done\n" or "later\n". */
static void control_answer(int client)
{
    struct timeval wait = {5, 0};
    struct host *host = host_use();
    char line[128];
    size_t length = 0;
    ssize_t got;

    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    while (length < sizeof line - 1 && (got = read(client, line + length, sizeof line - 1 - length)) > 0) {
        length += (size_t)got;
        if (line[length - 1] == '\n')
            break;
    }
    line[length] = 0;
    if (length > 1 && line[length - 1] == '\n') {
        const char *answer;

        line[length - 1] = 0;
        answer = handed_confirm(host, line) == 0 ? "done\n" : "later\n";
        if (write(client, answer, strlen(answer)) < 0)
            log_info("whoever asked about %s has gone", line);
    }
    host_put(host);
}

static void *control_serve(void *given)
{
    int server = *(int *)given;

    for (;;) {
        int client = accept(server, NULL, NULL);

        if (client < 0 && errno != EINTR && errno != ECONNABORTED)
            sleep(1);
        if (client < 0)
            continue;
        control_answer(client);
        close(client);
    }
    return NULL;
}

#define LOOK_EVERY 60 /* seconds */

/* How many mails the queue had time enough to confirm, and did not; of those whose time ended after `since`, so that each is told once. */
static size_t handed_overdue(const struct host *host, time_t since, time_t until)
{
    struct text path = {0};
    DIR *folder = opendir(host_path(host, &path, "handed", ""));
    struct dirent *entry;
    struct stat seen;
    size_t count = 0;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.' || stat(host_path(host, &path, "handed", entry->d_name), &seen) != 0)
            continue;
        seen.st_mtime += (time_t)host->config->lease;
        count += seen.st_mtime > since && seen.st_mtime <= until;
    }
    if (folder != NULL)
        closedir(folder);
    text_free(&path);
    return count;
}

/* Without the route for confirmations everything seems to work, and no receipt is ever given: that must not stay unseen. */
static void handed_watch(const struct host *host)
{
    static time_t last;
    time_t now = time(NULL);
    time_t every = host->config->lease < LOOK_EVERY ? (time_t)host->config->lease : LOOK_EVERY;
    size_t count;

    if (host->config->role != ROLE_OPEN || now - last < every)
        return;
    if ((count = handed_overdue(host, last, now)) > 0)
        log_error("%zu mails were opened, and the queue has not confirmed them, so they have no receipt: see what the mail server's log says "
                  "of @%s, which must be routed to the service that runs bulla-milter --confirm", count, host->config->confirm);
    last = now;
}

/* Reads the configuration again when it is told to. What is wrong in it leaves the old one in use. */
static void *reload_serve(void *nothing)
{
    (void)nothing;
    for (;;) {
        struct host *host, *next;

        usleep(200000);
        host = host_use();
        handed_watch(host);
        if (!reload) {
            host_put(host);
            continue;
        }
        reload = 0;
        next = host_again(configuration_file, host);
        if (next != NULL) {
            next->config->role = host->config->role;
            host_replace(next);
            log_info("the configuration was read again");
        } else {
            log_error("the old configuration stays in use");
        }
        host_put(host);
    }
    return NULL;
}

/* What an earlier run left there. Nothing else is taken away, for it may be a key that somebody named by mistake. */
static int socket_remove(const char *path)
{
    struct stat seen;

    if (lstat(path, &seen) != 0)
        return errno == ENOENT ? 0 : (log_error("%s: %s", path, strerror(errno)), -1);
    if (!S_ISSOCK(seen.st_mode))
        return log_error("control: %s is no socket, and stays as it is: name a path where there is nothing", path), -1;
    return unlink(path) == 0 || errno == ENOENT ? 0 : (log_error("%s: %s", path, strerror(errno)), -1);
}

static int threads_begin(const struct config *config)
{
    static int server = -1;
    struct sockaddr_un address;
    pthread_t thread;

    if (config->role == ROLE_OPEN) {
        if (control_address(config, &address) != 0 || socket_remove(config->control) != 0)
            return -1;
        server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        umask(077);
        if (server < 0 || bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, 64) != 0)
            return log_error("%s: %s", config->control, strerror(errno)), -1;
        for (int i = 0; i < 4; i++)
            if (pthread_create(&thread, NULL, control_serve, &server) != 0)
                return -1;
    }
    return pthread_create(&thread, NULL, reload_serve, NULL) == 0 ? 0 : -1;
}

/* A socket in the file system is for its owner and the group of its folder: whoever runs the mail server. */
static int socket_open_up(const char *where)
{
    const char *path = strncmp(where, "unix:", 5) == 0 ? where + 5 : strncmp(where, "local:", 6) == 0 ? where + 6 : where;

    if (*path != '/')
        return 0;
    return chmod(path, 0660) == 0 ? 0 : (log_error("%s: %s", path, strerror(errno)), -1);
}

static void on_reload(int signal)
{
    (void)signal;
    reload = 1;
}

static enum role role_of(const char *name)
{
    return name == NULL ? ROLE_NONE : strcmp(name, "seal") == 0 ? ROLE_SEAL : strcmp(name, "open") == 0 ? ROLE_OPEN : ROLE_NONE;
}

/* The process that does the work. */
static int serve(pid_t parent)
{
    struct sigaction action;
    struct config *config = config_read(configuration_file);
    const char *where;
    struct host *host;
    int result = EX_CONFIG;

    if (config == NULL)
        return EX_CONFIG;
    log_begin("bulla-milter", strcmp(config->log, "stderr") != 0);
    if (user_become(config->user) != 0) {
        config_free(config);
        return EX_NOPERM;
    }
    config_free(config);
    /* Who becomes somebody else loses this: so it comes after that. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        return EX_TEMPFAIL;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_reload;
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    host = host_new(configuration_file, HOST_GUARD | HOST_OUTBOX);
    if (host == NULL)
        return EX_CONFIG;
    if (role_of(forced_role) != ROLE_NONE)
        host->config->role = role_of(forced_role);
    host_replace(host);
    where = forced_socket != NULL ? forced_socket : host->config->socket;
    if (host->config->role == ROLE_NONE || where == NULL)
        log_error("%s: role and socket must be given", configuration_file);
    else if (threads_begin(host->config) == 0 && milter_register(where) == 0 && socket_open_up(where) == 0) {
        log_info("ready to %s, on %s", host->config->role == ROLE_SEAL ? "seal" : "open", where);
        result = smfi_main() == MI_SUCCESS ? EX_OK : EX_UNAVAILABLE;
    }
    return result;
}

static void on_signal(int signal)
{
    if (signal == SIGHUP) {
        if (child > 0)
            kill(child, SIGUSR1);
        return;
    }
    ending = 1;
    if (child > 0)
        kill(child, SIGTERM);
}

/* Starts the process that does the work. A signal waits until it is known whom to hand it on to. 0, or -1. */
static int child_start(void)
{
    pid_t parent = getpid();
    sigset_t handled, before;

    sigemptyset(&handled);
    sigaddset(&handled, SIGHUP), sigaddset(&handled, SIGTERM), sigaddset(&handled, SIGINT);
    sigprocmask(SIG_BLOCK, &handled, &before);
    child = ending ? -1 : fork();
    if (child == 0) {
        signal(SIGHUP, SIG_DFL), signal(SIGTERM, SIG_DFL), signal(SIGINT, SIG_DFL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        exit(serve(parent));
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return child > 0 ? 0 : -1;
}

/* libmilter takes SIGHUP for the end: so the process that the administrator knows is this one. */
int milter_run(const char *configuration, const char *role, const char *socket)
{
    struct sigaction action;
    int state = 0;

    configuration_file = configuration;
    forced_role = role;
    forced_socket = socket;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    do {
        if (child_start() != 0)
            return ending ? EX_OK : EX_OSERR;
        while (waitpid(child, &state, 0) < 0 && errno == EINTR)
            ;
        if (!ending && WIFSIGNALED(state)) {
            log_error("the milter was killed by signal %d: started again", WTERMSIG(state));
            usleep(200000);
        }
    } while (!ending && WIFSIGNALED(state));
    return WIFEXITED(state) ? WEXITSTATUS(state) : 0;
}

/* Asks, and waits for the answer. 0 if it is "done". */
static int control_ask(const struct config *config, const char *id)
{
    struct timeval wait = {60, 0};
    struct sockaddr_un address;
    struct text question = {0};
    char answer[16] = "";
    int result = -1, server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    text_format(&question, "%s\n", id);
    if (server >= 0 && !question.failed && control_address(config, &address) == 0) {
        setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        if (connect(server, (struct sockaddr *)&address, sizeof address) != 0)
            log_error("%s: %s: is the milter running?", config->control, strerror(errno));
        else if (write(server, question.data, question.length) == (ssize_t)question.length &&
                 recv(server, answer, sizeof answer - 1, MSG_WAITALL) > 0)
            result = strcmp(answer, "done\n") == 0 ? 0 : -1;
    }
    if (server >= 0)
        close(server);
    text_free(&question);
    return result;
}

int milter_confirm(const char *configuration, const char *address)
{
    struct host host = {0};
    char id[HANDED_ID], drain[65536];
    int result = EX_TEMPFAIL;

    signal(SIGPIPE, SIG_IGN);
    /* The mail itself is not wanted here; but who writes it must not get a broken pipe. */
    while (read(0, drain, sizeof drain) > 0)
        ;
    host.config = config_read(configuration);
    if (host.config == NULL)
        return EX_TEMPFAIL;
    log_begin("bulla-milter", strcmp(host.config->log, "stderr") != 0);
    memcpy(id, "", 1);
    if (strcspn(address, "@") == HANDED_ID - 1) {
        memcpy(id, address, HANDED_ID - 1);
        id[HANDED_ID - 1] = 0;
        if (control_ask(host.config, id) == 0 && (host.config->submit == NULL || receipts_send(&host, id) == 0))
            result = EX_OK;
    } else {
        log_error("\"%s\" is no confirmation of ours", address);
        result = EX_OK;
    }
    config_free(host.config);
    return result;
}
