#include "changes.h"

#include "log.h"
#include "results.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* How much of the way of a sealed mail stays to be read, of what is nearest to us. Who forwards what was opened counts these lines, and
 * bounces what has too many (Postfix' hopcount_limit is 50): with more of them a relay could have that done. Loops are found all the same: the
 * lines inside are signed, and each round has two more of them. */
#define MOST_TRACES 10

/* Everything of the outer header goes but for some traces, from the last to the first so that the numbers hold. Above all
 * Delivered-To: local(8) and others bounce what names their recipient there as a loop, and any relay can write that. */
static int fields_remove(SMFICTX *context, const struct session *session, enum verdict verdict)
{
    const struct header *header = &session->mail.header;
    const struct config *config = session->host->config;
    struct place *places = places_of(header);
    int result = places == NULL ? MI_FAILURE : MI_SUCCESS;

    for (size_t i = header->count; i-- > 0 && result == MI_SUCCESS;) {
        const char *name = header->fields[i].name;
        int ours = strcasecmp(name, "Authentication-Results") == 0 && results_go(header->fields[i].value, config);
        int trace = config->role == ROLE_OPEN && strcasecmp(name, "Received") == 0 && places[i].nth <= MOST_TRACES;

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

/* Whoever gave us an opened mail says neither who is told of what becomes of it, nor that nobody is: the author's server signed that.
 * A bounce quotes what was opened, and one that nobody gets is a loss. (NOTIFY=SUCCESS and RET do no harm: those go to the author.) */
static int sender_restore(SMFICTX *context, const struct session *session, const struct outcome *outcome)
{
    const struct mail *mail = &session->mail;
    struct text address = {0};
    size_t dropped = 0;
    int result = MI_FAILURE;

    if (outcome->sender != NULL && strcmp(outcome->sender, mail->from) != 0)
        log_info("the sender was <%s>, and is again <%s>", mail->from, outcome->sender);
    if (outcome->sender != NULL)
        text_format(&address, "<%s>", outcome->sender);
    if (address.length > 0 && !address.failed)
        result = smfi_chgfrom(context, address.data, NULL);
    text_free(&address);
    for (size_t i = 0; session->unnoticed && i < mail->count && result == MI_SUCCESS; i++) {
        if (dropped < outcome->dropped_count && outcome->dropped[dropped] == mail->recipients[i]) {
            dropped++;
            continue;
        }
        if ((result = smfi_delrcpt(context, mail->recipients[i])) == MI_SUCCESS)
            result = session->success ? smfi_addrcpt_par(context, mail->recipients[i], (char *)"NOTIFY=SUCCESS,FAILURE")
                                      : smfi_addrcpt(context, mail->recipients[i]);
    }
    return result;
}

static int is_ascii(const char *string)
{
    for (; *string != 0; string++)
        if ((unsigned char)*string > 127)
            return 0;
    return 1;
}

static int header_is_ascii(const struct header *header)
{
    int is = 1;

    for (size_t i = 0; i < header->count && is; i++)
        is = is_ascii(header->fields[i].name) && is_ascii(header->fields[i].value);
    return is;
}

int asks_too_much(const struct session *session, const struct outcome *outcome)
{
    const struct mail *mail = &session->mail;
    int needs = !header_is_ascii(&outcome->header) || outcome->sender == NULL || !is_ascii(outcome->sender);

    for (size_t i = 0; i < mail->count && !needs; i++)
        needs = !is_ascii(mail->recipients[i]);
    return session->utf8 && !needs && !(header_is_ascii(&mail->header) && is_ascii(mail->from));
}

int changes_make(SMFICTX *context, const struct session *session, struct outcome *outcome, struct text *results)
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
    if (result == MI_SUCCESS && outcome->verdict == VERDICT_CHANGED && session->host->config->role == ROLE_OPEN)
        result = sender_restore(context, session, outcome);
    for (size_t i = 0; i < outcome->dropped_count && result == MI_SUCCESS; i++)
        result = smfi_delrcpt(context, outcome->dropped[i]);
    if (result == MI_SUCCESS && outcome->confirm[0] != 0)
        result = smfi_addrcpt_par(context, outcome->confirm, (char *)"NOTIFY=NEVER");
    if (result == MI_SUCCESS && results->length > 0)
        result = results_insert(context, session, results);
    return result;
}

int set_aside(SMFICTX *context, const struct session *session, struct outcome *outcome)
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
