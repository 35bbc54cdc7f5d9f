#include "milter.h"

#include "handed.h"
#include "host.h"
#include "log.h"
#include "mail.h"
#include "opening.h"
#include "results.h"
#include "sealing.h"

#include <libmilter/mfapi.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ACTIONS (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY | SMFIF_ADDRCPT | SMFIF_ADDRCPT_PAR | SMFIF_DELRCPT | SMFIF_QUARANTINE)

/* A connection, and the mail that comes over it. It keeps the host that it began with. */
struct session { struct host *host; struct mail mail; size_t size; int leading_space, broken; };

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
    session->broken = 0;
    session->size = 0;
    /* Another mail on the same connection goes by what the administrator says now. */
    host_put(session->host);
    session->host = host_use();
    session->mail.from = address_of(arguments[0]);
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

struct place { const char *name; size_t index; int nth; };

static int by_name_and_index(const void *one, const void *other)
{
    const struct place *first = one, *second = other;
    int order = strcasecmp(first->name, second->name);

    return order != 0 ? order : (first->index > second->index) - (first->index < second->index);
}

static int by_index(const void *one, const void *other)
{
    const struct place *first = one, *second = other;

    return (first->index > second->index) - (first->index < second->index);
}

/* The how manieth of its name each field is, which is how the mail server counts them. NULL for want of memory. */
static struct place *places_of(const struct header *header)
{
    struct place *places = calloc(header->count + 1, sizeof *places);

    for (size_t i = 0; places != NULL && i < header->count; i++) {
        places[i].name = header->fields[i].name;
        places[i].index = i;
    }
    if (places == NULL)
        return NULL;
    qsort(places, header->count, sizeof *places, by_name_and_index);
    for (size_t i = 0; i < header->count; i++)
        places[i].nth = i > 0 && strcasecmp(places[i].name, places[i - 1].name) == 0 ? places[i - 1].nth + 1 : 1;
    qsort(places, header->count, sizeof *places, by_index);
    return places;
}

/* The traces of its way stay; everything else of the outer header goes, from the last to the first so that the numbers hold. */
static int fields_remove(SMFICTX *context, const struct session *session, enum verdict verdict)
{
    const struct header *header = &session->mail.header;
    const struct config *config = session->host->config;
    struct place *places = places_of(header);
    int result = places == NULL ? MI_FAILURE : MI_SUCCESS;

    for (size_t i = header->count; i-- > 0 && result == MI_SUCCESS;) {
        const char *name = header->fields[i].name;
        int ours = strcasecmp(name, "Authentication-Results") == 0 && results_go(header->fields[i].value, config);
        int trace = config->role == ROLE_OPEN && (strcasecmp(name, "Received") == 0 || strcasecmp(name, "Delivered-To") == 0);

        if (verdict == VERDICT_PASS ? !(ours && config->role == ROLE_OPEN) : trace)
            continue;
        if (ours)
            log_info("removed results in the name of %s", config->domain);
        result = smfi_chgheader(context, (char *)(uintptr_t)name, places[i].nth, NULL);
    }
    free(places);
    return result;
}

static int body_replace(SMFICTX *context, const struct text *body)
{
    size_t at = 0;

    /* An empty body is one, too. */
    if (body->length == 0)
        return smfi_replacebody(context, (unsigned char *)"", 0);
    while (at < body->length) {
        size_t length = body->length - at > 60000 ? 60000 : body->length - at, whole = length;

        /* Ends a piece with a line, if it can: nobody need put CR and LF together again. */
        while (at + whole < body->length && whole > 0 && body->data[at + whole - 1] != '\n')
            whole--;
        if (whole == 0)
            whole = length;
        if (smfi_replacebody(context, (unsigned char *)body->data + at, (int)whole) != MI_SUCCESS)
            return MI_FAILURE;
        at += whole;
    }
    return MI_SUCCESS;
}

static int results_insert(SMFICTX *context, const struct session *session, const struct text *results)
{
    return results->failed ? MI_FAILURE
                           : smfi_insheader(context, 0, (char *)"Authentication-Results", results->data + (session->leading_space ? 0 : 1));
}

static int changes_make(SMFICTX *context, const struct session *session, struct outcome *outcome, struct text *results)
{
    int result = fields_remove(context, session, outcome->verdict);
    const char *space = session->leading_space ? "" : " ";

    /* What passes has its fields already. */
    for (size_t i = 0; outcome->verdict == VERDICT_CHANGED && i < outcome->header.count && result == MI_SUCCESS; i++) {
        char *value = outcome->header.fields[i].value;

        if (*space != 0 && *value == ' ')
            value++;
        result = smfi_addheader(context, outcome->header.fields[i].name, value);
    }
    if (result == MI_SUCCESS && outcome->verdict == VERDICT_CHANGED)
        result = body_replace(context, &outcome->body);
    for (size_t i = 0; i < outcome->dropped_count && result == MI_SUCCESS; i++)
        result = smfi_delrcpt(context, outcome->dropped[i]);
    if (result == MI_SUCCESS && outcome->confirm[0] != 0)
        result = smfi_addrcpt_par(context, outcome->confirm, (char *)"NOTIFY=NEVER");
    if (result == MI_SUCCESS && results->length > 0)
        result = results_insert(context, session, results);
    return result;
}

/* It stays as it is, but for what it says in our name: somebody may let it pass. */
static int set_aside(SMFICTX *context, const struct session *session, struct outcome *outcome)
{
    const struct config *config = session->host->config;
    struct text results = {0};
    int result = config->role == ROLE_OPEN ? fields_remove(context, session, VERDICT_PASS) : MI_SUCCESS;

    results_other(&results, config->domain, "fail reason=\"quarantined\"");
    if (result == MI_SUCCESS && config->role == ROLE_OPEN)
        result = results_insert(context, session, &results);
    text_free(&results);
    return result == MI_SUCCESS ? smfi_quarantine(context, outcome->say) : result;
}

/* What the other side is told: one's own people hear why; relays hear nothing that helps them. */
static sfsistat reply_give(SMFICTX *context, const struct session *session, const struct outcome *outcome)
{
    int own = session->host->config->role == ROLE_SEAL, later = outcome->verdict == VERDICT_LATER;
    const char *say = own ? outcome->say : later ? "try again later" : "message not accepted";

    smfi_setreply(context, (char *)(later ? "451" : "550"), (char *)(later ? "4.7.1" : "5.7.1"), (char *)(uintptr_t)say);
    return later ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}

static sfsistat verdict_carry_out(SMFICTX *context, const struct session *session, struct outcome *outcome, struct text *results)
{
    switch (outcome->verdict) {
    case VERDICT_PASS:
    case VERDICT_CHANGED:
        if (changes_make(context, session, outcome, results) == MI_SUCCESS)
            return SMFIS_ACCEPT;
        if (outcome->confirm[0] != 0) {
            outcome->confirm[HANDED_ID - 1] = 0;
            handed_drop(session->host, outcome->confirm);
        }
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
