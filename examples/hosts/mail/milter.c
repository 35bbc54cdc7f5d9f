#include "milter.h"

#include "changes.h"
#include "handed.h"
#include "log.h"
#include "opening.h"
#include "sealing.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ACTIONS                                                                                                                      \
    (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY | SMFIF_ADDRCPT | SMFIF_ADDRCPT_PAR | SMFIF_DELRCPT | SMFIF_CHGFROM | SMFIF_QUARANTINE)

static sfsistat on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps, unsigned long more, unsigned long yet,
                             unsigned long *wanted, unsigned long *wanted_steps, unsigned long *wanted_more, unsigned long *wanted_yet)
{
    struct session *session;

    (void)more, (void)yet;
    if ((actions & ACTIONS) != ACTIONS) {
        log_error("the mail server does not let a milter change what it must: %lx of %lx", actions & ACTIONS, (unsigned long)ACTIONS);
        return SMFIS_REJECT;
    }
    session = calloc(1, sizeof *session);
    if (session == NULL)
        return SMFIS_REJECT;
    session->leading_space = (steps & SMFIP_HDR_LEADSPC) != 0;
    session->host = host_use();
    smfi_setpriv(context, session);
    *wanted = ACTIONS;
    *wanted_steps = steps & (SMFIP_HDR_LEADSPC | SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOUNKNOWN | SMFIP_NODATA);
    *wanted_more = *wanted_yet = 0;
    return SMFIS_CONTINUE;
}

/* An address without what stands around it. */
static char *address_of(const char *given)
{
    size_t length = strlen(given);

    return length >= 2 && given[0] == '<' && given[length - 1] == '>' ? strndup(given + 1, length - 2) : strdup(given);
}

static sfsistat on_from(SMFICTX *context, char **arguments)
{
    struct session *session = smfi_getpriv(context);

    mail_free(&session->mail);
    session->broken = session->unnoticed = session->success = session->utf8 = 0;
    session->size = 0;
    /* Another mail on the same connection goes by what the administrator says now. */
    host_put(session->host);
    session->host = host_use();
    session->mail.from = address_of(arguments[0]);
    for (size_t i = 1; arguments[i] != NULL; i++)
        session->utf8 |= strcasecmp(arguments[i], "SMTPUTF8") == 0;
    return session->mail.from == NULL ? SMFIS_TEMPFAIL : SMFIS_CONTINUE;
}

static sfsistat separately(SMFICTX *context)
{
    smfi_setreply(context, (char *)"452", (char *)"4.5.3", (char *)"send it separately to this recipient");
    return SMFIS_TEMPFAIL;
}

/* Whether another address of the same mailbox is there already. 1, 0, or -1 for want of memory. Postfix keeps both, and each would be
 * delivered: the second is to come in a mail of its own, which is then a copy. */
static int is_named(const struct session *session, const char *address)
{
    const struct mail *mail = &session->mail;
    struct text reader = {0}, other = {0};
    int result = reader_of(session->host->config, address, &reader) == 0 ? 0 : -1;

    for (size_t i = 0; i < mail->count && result == 0; i++)
        result = reader_of(session->host->config, mail->recipients[i], &other) != 0 ? -1 : strcmp(reader.data, other.data) == 0;
    text_free(&reader);
    text_free(&other);
    return result;
}

/* One mail is opened for all of its recipients or for none, and sealed for all or for none: the others are to come in another one. */
static sfsistat recipient_judge(SMFICTX *context, const struct session *session, const char *address)
{
    const struct config *config = session->host->config;
    const char *first = session->mail.count > 0 ? session->mail.recipients[0] : NULL;
    const bulla_public *identity;
    bulla_key key;
    enum found found;

    if (config->role == ROLE_OPEN) {
        int named = is_named(session, address);

        if (named < 0)
            return SMFIS_TEMPFAIL;
        return named || (first != NULL && config_leaves(config, address) != config_leaves(config, first))
                   ? separately(context)
                   : SMFIS_CONTINUE;
    }
    if (config->mixed != MIXED_SPLIT)
        return SMFIS_CONTINUE;
    if ((found = keys_find(session->host->keys, address, &identity, &key)) == FOUND_NOTHING) {
        log_info("from <%s> to <%s>: refused, for there is no key", session->mail.from, address);
        smfi_setreply(context, (char *)"550", (char *)"5.7.1", (char *)"there is no key for this recipient: not sent in clear");
        return SMFIS_REJECT;
    }
    return first != NULL && keys_find(session->host->keys, first, &identity, &key) != found ? separately(context) : SMFIS_CONTINUE;
}

/* NOTIFY=NEVER,... (RFC 3461, 4.1): who asks for something else only hears of no failure. */
static void notify_read(struct session *session, const char *argument)
{
    int failure = 0;

    if (strncasecmp(argument, "NOTIFY=", 7) != 0)
        return;
    for (const char *word = argument + 7; *word != 0; word += strcspn(word, ","), word += *word == ',') {
        failure |= strcspn(word, ",") == 7 && strncasecmp(word, "FAILURE", 7) == 0;
        session->success |= strcspn(word, ",") == 7 && strncasecmp(word, "SUCCESS", 7) == 0;
    }
    session->unnoticed |= !failure;
}

static sfsistat on_recipient(SMFICTX *context, char **arguments)
{
    struct session *session = smfi_getpriv(context);
    char **more = realloc(session->mail.recipients, (session->mail.count + 1) * sizeof *more);
    char *address = address_of(arguments[0]);
    sfsistat status = SMFIS_TEMPFAIL;

    if (more != NULL)
        session->mail.recipients = more;
    if (more != NULL && address != NULL)
        status = recipient_judge(context, session, address);
    for (size_t i = 1; status == SMFIS_CONTINUE && arguments[i] != NULL; i++)
        notify_read(session, arguments[i]);
    if (status == SMFIS_CONTINUE)
        session->mail.recipients[session->mail.count++] = address;
    else
        free(address);
    return status;
}

static sfsistat too_large(SMFICTX *context)
{
    smfi_setreply(context, (char *)"552", (char *)"5.3.4", (char *)"message too large");
    return SMFIS_REJECT;
}

/* Whether it is more than the administrator allows, header and body together. */
static int grows_too_large(struct session *session, size_t length)
{
    uint64_t most = session->host->config->max_message;

    if (length > most || session->size > most - length)
        return 1;
    session->size += length;
    return 0;
}

static sfsistat on_header(SMFICTX *context, char *name, char *value)
{
    struct session *session = smfi_getpriv(context);
    struct text whole = {0};

    if (grows_too_large(session, strlen(name) + strlen(value) + 4)) /* ": " and CRLF */
        return too_large(context);
    if (!session->leading_space)
        text_puts(&whole, " ");
    text_puts(&whole, value);
    header_add(&session->mail.header, name, strlen(name), whole.data == NULL ? "" : whole.data, whole.length);
    session->broken |= whole.failed | session->mail.header.failed;
    text_free(&whole);
    if (session->mail.header.excess) {
        smfi_setreply(context, (char *)"552", (char *)"5.3.4", (char *)"message header too long");
        return SMFIS_REJECT;
    }
    return session->broken ? SMFIS_TEMPFAIL : SMFIS_CONTINUE;
}

static sfsistat on_body(SMFICTX *context, unsigned char *bytes, size_t length)
{
    struct session *session = smfi_getpriv(context);

    if (grows_too_large(session, length))
        return too_large(context);
    text_add(&session->mail.body, bytes, length);
    return session->mail.body.failed ? SMFIS_TEMPFAIL : SMFIS_CONTINUE;
}

/* What the other side is told: one's own people hear why; relays hear nothing that helps them. */
static sfsistat reply_give(SMFICTX *context, const struct session *session, const struct outcome *outcome)
{
    int own = session->host->config->role == ROLE_SEAL, later = outcome->verdict == VERDICT_LATER;
    const char *say = own ? outcome->say : later ? "try again later" : "message not accepted";

    smfi_setreply(context, (char *)(later ? "451" : "550"), (char *)(later ? "4.7.1" : "5.7.1"), (char *)(uintptr_t)say);
    return later ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}

/* What was opened is not handed over, and may come again. */
static void release(const struct session *session, struct outcome *outcome)
{
    if (outcome->confirm[0] == 0)
        return;
    outcome->confirm[HANDED_ID - 1] = 0;
    handed_drop(session->host, outcome->confirm);
}

static sfsistat verdict_carry_out(SMFICTX *context, const struct session *session, struct outcome *outcome, struct text *results)
{
    switch (outcome->verdict) {
    case VERDICT_PASS:
    case VERDICT_CHANGED:
        if (outcome->confirm[0] != 0 && asks_too_much(session, outcome)) {
            release(session, outcome);
            outcome_set(outcome, VERDICT_REJECT, "SMTPUTF8 is asked for by what was written into its outer header");
            log_info("%s", outcome->say);
            return reply_give(context, session, outcome);
        }
        if (changes_make(context, session, outcome, results) == MI_SUCCESS)
            return SMFIS_ACCEPT;
        release(session, outcome);
        log_error("the mail server did not take the changes");
        return SMFIS_TEMPFAIL;
    case VERDICT_DISCARD:
        return SMFIS_DISCARD;
    case VERDICT_QUARANTINE:
        return set_aside(context, session, outcome) == MI_SUCCESS ? SMFIS_ACCEPT : SMFIS_TEMPFAIL;
    default:
        return reply_give(context, session, outcome);
    }
}

static sfsistat on_end(SMFICTX *context)
{
    static const char *const words[] = {"pass", "change", "reject", "later", "quarantine", "discard"};
    struct session *session = smfi_getpriv(context);
    struct outcome outcome = {0};
    struct text results = {0};
    const char *queue_id = smfi_getsymval(context, (char *)"i");
    sfsistat status = SMFIS_TEMPFAIL;

    outcome.verdict = VERDICT_LATER;
    text_add(&session->mail.body, "", 0);
    if (!session->broken && !session->mail.body.failed) {
        if (session->host->config->role == ROLE_SEAL)
            seal_mail(session->host, &session->mail, &outcome);
        else
            open_mail(session->host, &session->mail, &outcome, &results);
        log_info("%s: %s, from <%s>: %s", queue_id == NULL ? "-" : queue_id, words[outcome.verdict], session->mail.from, outcome.say);
        status = verdict_carry_out(context, session, &outcome, &results);
    }
    outcome_free(&outcome);
    text_free(&results);
    mail_free(&session->mail);
    return status;
}

static sfsistat on_abort(SMFICTX *context)
{
    struct session *session = smfi_getpriv(context);

    if (session != NULL)
        mail_free(&session->mail);
    return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *context)
{
    struct session *session = smfi_getpriv(context);

    if (session != NULL) {
        mail_free(&session->mail);
        host_put(session->host);
        free(session);
        smfi_setpriv(context, NULL);
    }
    return SMFIS_CONTINUE;
}

int milter_register(const char *socket)
{
    struct smfiDesc description;

    memset(&description, 0, sizeof description);
    description.xxfi_name = (char *)"bulla-milter";
    description.xxfi_version = SMFI_VERSION;
    description.xxfi_flags = ACTIONS;
    description.xxfi_negotiate = on_negotiate;
    description.xxfi_envfrom = on_from;
    description.xxfi_envrcpt = on_recipient;
    description.xxfi_header = on_header;
    description.xxfi_body = on_body;
    description.xxfi_eom = on_end;
    description.xxfi_abort = on_abort;
    description.xxfi_close = on_close;
    return smfi_register(description) == MI_SUCCESS && smfi_setconn((char *)(uintptr_t)socket) == MI_SUCCESS &&
                   smfi_opensocket(1) == MI_SUCCESS
               ? 0
               : -1;
}
