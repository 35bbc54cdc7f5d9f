/*
 * bulla-opensmtpd: seals mail as a filter of OpenSMTPD, with the configuration of bulla-milter:
 *
 *     filter "bulla" proc-exec "/usr/local/bin/bulla-opensmtpd /etc/bulla/mail.conf"
 *     listen on ... filter "bulla"
 *
 * It speaks smtpd-filters(7) on standard input and output, and shows that nothing but milter.c depends on a mail server. Receiving
 * needs no filter: `action "bulla" mda "/usr/local/bin/bulla-deliver ..."`.
 */
#include "host.h"
#include "log.h"
#include "mail.h"
#include "sealing.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

/* A session of a client: the mail that it gives, as it comes, and what became of it. */
struct session { char *id; struct mail mail; struct text raw; enum verdict verdict; char say[SAY_ROOM]; struct session *next; };

static struct session *all;

static struct session *session_of(const char *id)
{
    struct session *one;

    for (one = all; one != NULL; one = one->next)
        if (strcmp(one->id, id) == 0)
            return one;
    one = calloc(1, sizeof *one);
    if (one == NULL || (one->id = strdup(id)) == NULL)
        exit(EX_TEMPFAIL); /* the server then says 421 */
    one->next = all;
    return all = one;
}

static void session_reset(struct session *session)
{
    mail_free(&session->mail);
    text_free(&session->raw);
    session->verdict = VERDICT_LATER;
    snprintf(session->say, sizeof session->say, "nothing was sealed");
}

static void session_end(const char *id)
{
    for (struct session **place = &all; *place != NULL; place = &(*place)->next) {
        struct session *one = *place;

        if (strcmp(one->id, id) != 0)
            continue;
        *place = one->next;
        session_reset(one);
        free(one->id);
        free(one);
        return;
    }
}

/* Gives one line of the message to the server; a leading dot is doubled, as SMTP has it. */
static void line_give(const char *id, const char *token, const char *line, size_t length)
{
    printf("filter-dataline|%s|%s|%s%.*s\n", id, token, length > 0 && line[0] == '.' ? "." : "", (int)length, line);
}

static void message_give(const char *id, const char *token, const struct text *message)
{
    size_t at = 0;

    while (at < message->length) {
        const char *end = memchr(message->data + at, '\n', message->length - at);
        size_t length = end == NULL ? message->length - at : (size_t)(end - message->data) - at;

        line_give(id, token, message->data + at, length);
        at += length + 1;
    }
}

/* The end of the message has come: gives what takes its place. What is refused or fails gives nothing here, and is told at commit. */
static void message_end(const struct host *host, struct session *session, const char *token)
{
    struct outcome outcome = {0};
    struct text message = {0};
    long body = session->mail.count == 0 || session->raw.failed
                    ? -1
                    : header_parse(&session->mail.header, session->raw.data == NULL ? "" : session->raw.data, session->raw.length);

    /* What failed here is no fault of the mail's. */
    if (session->mail.count == 0 || session->raw.failed || session->mail.header.failed || session->mail.from == NULL)
        outcome_set(&outcome, VERDICT_LATER, "no memory");
    else
        outcome_set(&outcome, VERDICT_REJECT, "not a mail");
    if (body >= 0 && session->mail.from != NULL) {
        lines_to_crlf(&session->mail.body, session->raw.data + body, session->raw.length - (size_t)body);
        seal_mail(host, &session->mail, &outcome);
    }
    if (outcome.verdict == VERDICT_CHANGED) {
        header_write(&outcome.header, &message, "\n");
        text_puts(&message, "\n");
        lines_to_lf(&message, outcome.body.data, outcome.body.length);
        if (message.failed)
            outcome_set(&outcome, VERDICT_LATER, "no memory");
        else
            message_give(session->id, token, &message);
    } else if (outcome.verdict == VERDICT_PASS) {
        message_give(session->id, token, &session->raw);
    }
    printf("filter-dataline|%s|%s|.\n", session->id, token);
    session->verdict = outcome.verdict;
    snprintf(session->say, sizeof session->say, "%s", outcome.say);
    log_info("from <%s>: %s", session->mail.from == NULL ? "" : session->mail.from, session->say);
    outcome_free(&outcome);
    text_free(&message);
    text_free(&session->raw);
}

static void commit_answer(const struct session *session, const char *token)
{
    int pass = session->verdict == VERDICT_PASS || session->verdict == VERDICT_CHANGED;

    if (pass)
        printf("filter-result|%s|%s|proceed\n", session->id, token);
    else
        printf("filter-result|%s|%s|reject|%s %s\n", session->id, token, session->verdict == VERDICT_LATER ? "451 4.7.1" : "550 5.7.1",
               session->say);
}

/* kind|version|time|subsystem|event|session|rest */
static void event(const struct host *host, char *line)
{
    char *fields[7] = {0}, *rest = line;
    struct session *session;

    for (int i = 0; i < 7 && rest != NULL; i++) {
        fields[i] = rest;
        rest = i < 6 ? strchr(rest, '|') : NULL;
        if (rest != NULL)
            *rest++ = 0;
    }
    if (fields[5] == NULL)
        return;
    if (strcmp(fields[4], "link-disconnect") == 0) {
        session_end(fields[5]);
        return;
    }
    session = session_of(fields[5]);
    if (strcmp(fields[4], "tx-begin") == 0 || strcmp(fields[4], "tx-reset") == 0 || fields[6] == NULL) {
        session_reset(session);
    } else if (strcmp(fields[4], "tx-mail") == 0 || strcmp(fields[4], "tx-rcpt") == 0) {
        char *result = strchr(fields[6], '|'), *address = result == NULL ? NULL : strchr(result + 1, '|');
        char **more;

        if (address == NULL || strncmp(result, "|ok|", 4) != 0)
            return;
        address = strdup(address + 1);
        if (strcmp(fields[4], "tx-mail") == 0) {
            free(session->mail.from);
            session->mail.from = address;
        } else if ((more = realloc(session->mail.recipients, (session->mail.count + 1) * sizeof *more)) != NULL && address != NULL) {
            session->mail.recipients = more;
            session->mail.recipients[session->mail.count++] = address;
        } else {
            exit(EX_TEMPFAIL);
        }
    } else if (strcmp(fields[4], "data-line") == 0 && (rest = strchr(fields[6], '|')) != NULL) {
        *rest++ = 0;
        if (strcmp(rest, ".") == 0) {
            message_end(host, session, fields[6]);
        } else {
            text_puts(&session->raw, rest[0] == '.' ? rest + 1 : rest);
            text_puts(&session->raw, "\n");
        }
    } else if (strcmp(fields[4], "commit") == 0) {
        fields[6][strcspn(fields[6], "|")] = 0;
        commit_answer(session, fields[6]);
    }
}

int main(int argc, char **argv)
{
    static const char *const wanted[] = {"report|smtp-in|tx-begin", "report|smtp-in|tx-mail", "report|smtp-in|tx-rcpt",
        "report|smtp-in|tx-reset", "report|smtp-in|link-disconnect", "filter|smtp-in|data-line", "filter|smtp-in|commit"};
    struct host *host;
    char *line = NULL;
    size_t room = 0;
    ssize_t length;

    signal(SIGPIPE, SIG_IGN);
    umask(077);
    if (argc != 2 || (host = host_new(argv[1], HOST_OUTBOX)) == NULL)
        return fprintf(stderr, "usage: bulla-opensmtpd CONFIGURATION (for OpenSMTPD: proc-exec)\n"), EX_CONFIG;
    while ((length = getline(&line, &room, stdin)) > 0) {
        if (line[length - 1] == '\n')
            line[length - 1] = 0;
        if (strcmp(line, "config|ready") == 0) {
            for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
                printf("register|%s\n", wanted[i]);
            printf("register|ready\n");
        } else if (strncmp(line, "report|", 7) == 0 || strncmp(line, "filter|", 7) == 0) {
            event(host, line);
        }
        fflush(stdout);
    }
    free(line);
    host_put(host);
    return EX_OK;
}
