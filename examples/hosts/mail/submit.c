#define _GNU_SOURCE /* pipe2 */
#include "submit.h"

#include "log.h"
#include "mime.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_RECIPIENTS 1000

/* How long a command may take with a mail: who hands it over waits for that. The tests wait for less. */
#ifndef COMMAND_SECONDS
#define COMMAND_SECONDS 60
#endif

static int64_t milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Writes as much as the other end reads until then. -1 if that is not all: it reads on, and time is over. */
static int write_until(int to, const char *bytes, size_t length, int64_t end)
{
    struct pollfd wait = {to, POLLOUT, 0};
    int64_t left;
    ssize_t done;

    fcntl(to, F_SETFL, O_NONBLOCK);
    while (length > 0) {
        if ((left = end - milliseconds()) <= 0)
            return -1;

        done = poll(&wait, 1, (int)left) <= 0 ? 0 : write(to, bytes, length);
        if (done < 0 && errno != EINTR && errno != EAGAIN)
            return 0; /* it reads no more; how it ends says whether it has what it wanted */
        bytes += done > 0 ? done : 0;
        length -= done > 0 ? (size_t)done : 0;
    }
    return 0;
}

/* With all that it started. */
static void child_kill(pid_t child)
{
    kill(-child, SIGKILL);
    kill(child, SIGKILL);
}

/* How a child ended; -1 if it had to be ended. */
static int child_wait(pid_t child, int64_t end)
{
    struct timespec pause = {0, 2000000};
    int state, killed = 0;
    pid_t found;

    while ((found = waitpid(child, &state, killed ? 0 : WNOHANG)) != child) {
        if (found < 0 && errno != EINTR)
            return -1;
        if (!killed && milliseconds() >= end) {
            child_kill(child);
            killed = 1;
        } else {
            nanosleep(&pause, NULL);
        }
    }
    return !killed && WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

/* Runs `COMMAND -i -f FROM -- RECIPIENT...`, as Sendmail, Postfix, Exim and OpenSMTPD have it. */
static int submit_command(const char *command, const char *from, char **recipients, size_t count, const struct text *mail)
{
    char *arguments[MOST_RECIPIENTS + 8] = {(char *)(uintptr_t)command, (char *)"-i", (char *)"-f", (char *)(uintptr_t)from, (char *)"--"};
    int64_t end = milliseconds() + COMMAND_SECONDS * 1000;
    int ends[2], state, whole;
    pid_t child;

    memcpy(arguments + 5, recipients, count * sizeof *recipients);
    /* Threads fork at once: the child of another one must not keep the end on which this one waits. */
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    child = fork();
    if (child == 0) {
        setpgid(0, 0);
        if (ends[0] == 0)
            fcntl(0, F_SETFD, 0);
        else
            dup2(ends[0], 0);
        execv(command, arguments);
        _exit(127);
    }
    close(ends[0]);
    whole = child > 0 && write_until(ends[1], mail->data, mail->length, end) == 0;
    /* Before it sees an end: it would take what it has for a mail. */
    if (child > 0 && !whole)
        child_kill(child);
    close(ends[1]);
    if (child < 0)
        return -1;
    if ((state = child_wait(child, end)) == 0 && whole)
        return 0;
    log_error("%s failed with %d: is it there, and the mail server up?", command, state);
    return -1;
}

static int connect_to(const char *place)
{
    struct addrinfo hints = {0}, *found = NULL;
    struct timeval wait = {60, 0};
    const char *colon = strrchr(place, ':');
    char host[256] = "";
    int end = -1;

    hints.ai_socktype = SOCK_STREAM;
    if (colon == NULL || (size_t)(colon - place) >= sizeof host)
        return errno = EINVAL, -1;
    memcpy(host, place, (size_t)(colon - place));
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return errno = EADDRNOTAVAIL, -1;
    for (struct addrinfo *one = found; one != NULL && end < 0; one = one->ai_next) {
        end = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
        if (end < 0)
            continue;
        setsockopt(end, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        setsockopt(end, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
        if (connect(end, one->ai_addr, one->ai_addrlen) != 0) {
            int why = errno;

            close(end);
            end = -1;
            errno = why;
        }
    }
    freeaddrinfo(found);
    return end;
}

/* The code of a reply, whose lines but for the last have a "-" after it; -1 if the connection ends. */
static int reply(FILE *in, char *line, size_t room)
{
    do {
        if (fgets(line, (int)room, in) == NULL || strlen(line) < 4)
            return -1;
    } while (line[3] == '-');
    line[strcspn(line, "\r\n")] = 0;
    return atoi(line);
}

/* Names the recipients one by one. Gives how many the server takes; `good_later` is 0 if all others are refused for good. */
static size_t recipients_name(FILE *in, FILE *server, char **recipients, size_t count, char *line, size_t room, int *good_later)
{
    size_t taken = 0;

    for (size_t i = 0; i < count; i++) {
        int code = fprintf(server, "RCPT TO:<%s>\r\n", recipients[i]) < 0 || fflush(server) != 0 ? -1 : reply(in, line, room);

        taken += code / 10 == 25;
        *good_later |= code / 10 != 25 && code / 100 != 5;
        if (code < 0 || code == 421)
            return 0;
        if (code / 10 != 25)
            log_error("a mail is not taken for %s: %s", recipients[i], line);
    }
    return taken;
}

/* 0, -1, or 1 if it is refused for good. */
static int dialogue(FILE *in, FILE *server, const struct config *config, const char *from, char **recipients, size_t count,
                    const struct text *mail, char *line, size_t room)
{
    int code, later = 0;

    if (reply(in, line, room) != 220 || fprintf(server, "EHLO %s\r\n", config->domain) < 0 || fflush(server) != 0 ||
        reply(in, line, room) != 250 || fprintf(server, "MAIL FROM:<%s>\r\n", from) < 0 || fflush(server) != 0)
        return -1;
    if ((code = reply(in, line, room)) != 250)
        return code / 100 == 5 ? 1 : -1;
    if (recipients_name(in, server, recipients, count, line, room, &later) == 0)
        return later ? -1 : 1;
    if (fprintf(server, "DATA\r\n") < 0 || fflush(server) != 0 || (code = reply(in, line, room)) != 354)
        return code / 100 == 5 ? 1 : -1;
    for (size_t at = 0; at < mail->length;) {
        const char *end = memchr(mail->data + at, '\n', mail->length - at);
        size_t length = end == NULL ? mail->length - at : (size_t)(end - mail->data) - at;

        if ((mail->data[at] == '.' && fputc('.', server) == EOF) || fwrite(mail->data + at, 1, length, server) != length ||
            fputs("\r\n", server) == EOF)
            return -1;
        at += length + 1;
    }
    if (fputs(".\r\n", server) == EOF || fflush(server) != 0 || (code = reply(in, line, room)) / 100 != 2)
        return code / 100 == 5 ? 1 : -1;
    fputs("QUIT\r\n", server);
    fflush(server);
    return 0;
}

static int submit_smtp(const struct config *config, const char *place, const char *from, char **recipients, size_t count,
                       const struct text *mail)
{
    char line[1024] = "the connection ended";
    int end = connect_to(place), result;
    int other = end < 0 ? -1 : dup(end);
    FILE *in = end < 0 ? NULL : fdopen(end, "r"), *out = other < 0 ? NULL : fdopen(other, "w");

    if (in == NULL || out == NULL) {
        log_error("%s cannot be reached: %s", place, strerror(errno));
        result = -1;
    } else if ((result = dialogue(in, out, config, from, recipients, count, mail, line, sizeof line)) != 0) {
        log_error("%s did not take a mail for %s: %s", place, recipients[0], line);
    }
    if (in != NULL)
        fclose(in);
    else if (end >= 0)
        close(end);
    if (out != NULL)
        fclose(out);
    else if (other >= 0)
        close(other);
    return result;
}

int address_is_plain(const char *address)
{
    const unsigned char *at;

    /* A command line would take what begins with a dash for an option. */
    if (*address == '-' || strchr(address, '@') == NULL || strpbrk(address, "<>,;\"\\") != NULL)
        return 0;
    for (at = (const unsigned char *)address; *at != 0; at++)
        if (*at <= ' ' || *at == 0x7F)
            return 0;
    return strlen(address) <= 320; /* RFC 5321, 4.5.3.1: 64, "@" and 255 */
}

int submit(const struct config *config, const char *from, const char *recipients, const struct text *mail)
{
    char *all = strdup(recipients), *one, *rest = NULL, *list[MOST_RECIPIENTS];
    size_t count = 0;
    int result = -1;

    if (config->submit == NULL)
        log_error("a mail to %s cannot be sent: set submit and address", recipients);
    else if (all != NULL && !mail->failed) {
        int plain = *from == 0 || address_is_plain(from);

        for (one = strtok_r(all, ", ", &rest); one != NULL && count < MOST_RECIPIENTS; one = strtok_r(NULL, ", ", &rest)) {
            plain = plain && address_is_plain(one);
            list[count++] = one;
        }
        if (count == 0 || !plain)
            log_error("a mail is not sent: \"%s\" are no addresses", recipients);
        else if (strncmp(config->submit, "smtp:", 5) == 0)
            result = submit_smtp(config, config->submit + 5, from, list, count, mail);
        else
            result = submit_command(config->submit, from, list, count, mail);
    }
    free(all);
    return result;
}

void receipt_mail_write(struct text *out, const struct config *config, const char *to, const uint8_t *receipt, size_t length,
                        int rejected)
{
    char date[64];
    time_t now = time(NULL);
    struct tm parts;

    gmtime_r(&now, &parts);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &parts);
    text_format(out, "From: %s\nTo: %s\nDate: %s\n", config->address == NULL ? "" : config->address, to, date);
    text_format(out, "Subject: %s\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\nContent-Type: ",
                rejected ? SUBJECT_REJECTED : SUBJECT_RECEIPT);
    mime_type_write(out, receipt, length);
    text_puts(out, "\n\n");
    mime_body_write(out, TYPE_RECEIPT, receipt, length, NULL, "\n");
}
