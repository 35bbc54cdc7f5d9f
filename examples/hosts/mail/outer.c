#include "outer.h"

#include "mime.h"
#include "submit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define NOBODY_NAMED "undisclosed-recipients:;"

static void field_put(struct header *header, struct text *value, const char *name)
{
    header_add(header, name, strlen(name), value->data == NULL ? "" : value->data, value->length);
    header->failed |= value->failed;
    text_clear(value);
}

/* An address field: one address on each line, for lines have an end at 998 characters. */
static void addresses_put(struct header *header, const char *name, const char *from, const char *otherwise)
{
    struct text all = {0}, value = {0};

    if (from != NULL)
        addresses_write(&all, from);
    text_puts(&value, " ");
    for (size_t i = 0; i < all.length; i++) {
        text_add(&value, all.data + i, 1);
        /* A comma in quotes stands before no space, or before one of its own. */
        if (all.data[i] == ',' && all.data[i + 1] == ' ')
            text_puts(&value, "\n");
    }
    if (all.length == 0)
        text_puts(&value, otherwise);
    value.failed |= all.failed;
    field_put(header, &value, name);
    text_free(&all);
    text_free(&value);
}

void outer_header(const struct host *host, const struct mail *mail, const bulla_sent *sent, const bulla_buffer *envelope,
                         struct header *header)
{
    char *from = header_value(&mail->header, "From"), *to = header_value(&mail->header, "To");
    char *date = header_value(&mail->header, "Date"), *id = header_value(&mail->header, "Message-ID");
    struct text value = {0};
    char now[64];
    time_t time = (time_t)sent->issued;
    struct tm parts;

    gmtime_r(&time, &parts);
    strftime(now, sizeof now, "%a, %d %b %Y %H:%M:%S +0000", &parts);
    addresses_put(header, "From", from == NULL ? mail->from : from, mail->from);
    addresses_put(header, "To", to, NOBODY_NAMED);
    text_format(&value, " %s", date == NULL ? now : date);
    field_put(header, &value, "Date");
    if (id != NULL) {
        text_format(&value, " %s", id);
    } else {
        text_puts(&value, " <");
        hex_write(&value, sent->message_id.bytes, sizeof sent->message_id.bytes);
        text_format(&value, "@%s>", host->config->domain);
    }
    field_put(header, &value, "Message-ID");
    text_format(&value, " %s", host->config->subject);
    field_put(header, &value, "Subject");
    text_puts(&value, " 1.0");
    field_put(header, &value, "MIME-Version");
    text_puts(&value, " ");
    mime_type_write(&value, bulla_buffer_data(envelope), bulla_buffer_length(envelope));
    field_put(header, &value, "Content-Type");
    text_free(&value);
    free(from), free(to), free(date), free(id);
}

/* Whether a value has addresses and nothing beside them: no names, no comments. */
static int is_addresses(const char *value)
{
    struct text addresses = {0}, written = {0};
    int is;

    addresses_write(&addresses, value);
    for (; *value != 0; value++)
        if (!isspace((unsigned char)*value))
            text_add(&written, value, 1);
        else if (written.length > 0 && written.data[written.length - 1] == ',')
            text_puts(&written, " ");
    is = !addresses.failed && !written.failed && written.length > 0 &&
         (strcmp(written.data, addresses.data) == 0 || strcmp(written.data, NOBODY_NAMED) == 0);
    text_free(&addresses);
    text_free(&written);
    return is;
}

/* Whether a field says nothing but what delivery needs: the subject is one of ours. */
static int field_is_outer(const struct host *host, const struct field *field)
{
    static const char *const names[] = {"Received", "Return-Path", "Delivered-To", "Date", "Message-ID", "MIME-Version",
                                        "Content-Type", "Auto-Submitted", "DKIM-Signature"};
    static const char *const subjects[] = {SUBJECT_RECEIPT, SUBJECT_REJECTED};
    const char *value = field->value + strspn(field->value, " ");

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(field->name, names[i]) == 0)
            return 1;
    if (strcasecmp(field->name, "From") == 0 || strcasecmp(field->name, "To") == 0)
        return is_addresses(field->value);
    if (strcasecmp(field->name, "Subject") != 0)
        return 0;
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        if (strcmp(value, subjects[i]) == 0)
            return 1;
    return strcmp(value, host->config->subject) == 0;
}

int sealed_by_us(const struct host *host, const struct mail *mail)
{
    static const char *const types[] = {TYPE_ENVELOPE, TYPE_RECEIPT};
    int ours = 0;

    for (size_t i = 0; i < 2 && ours == 0; i++) {
        struct text bytes = {0}, lists = {0};

        ours = mime_is_alone(types[i], &mail->header, mail->body.data, mail->body.length, &bytes, &lists);
        if (ours > 0)
            ours = ours_is(host, (const uint8_t *)bytes.data, bytes.length, &lists);
        text_free(&bytes);
        text_free(&lists);
    }
    return ours;
}

/* Who has no line in the key table, if there is one. */
static const char *stranger_of(const struct host *host, const struct mail *mail)
{
    const bulla_public *identity;
    bulla_key key;

    for (size_t i = 0; i < mail->count; i++)
        if (keys_find(host->keys, mail->recipients[i], &identity, &key) == FOUND_NOTHING)
            return mail->recipients[i];
    return NULL;
}

void outer_keep(const struct host *host, const struct mail *mail, int ours, struct outcome *outcome)
{
    const struct header *header = &mail->header;
    const char *stranger = stranger_of(host, mail);
    struct text value = {0}, dropped = {0};

    for (size_t i = 0; i < header->count; i++) {
        const struct field *field = &header->fields[i];
        const char *name = field->name;

        if (field_is_outer(host, field)) {
            header_add(&outcome->header, name, strlen(name), field->value, strlen(field->value));
            continue;
        }
        text_format(&dropped, " %s", name);
        if (strcasecmp(name, "From") == 0 || strcasecmp(name, "To") == 0) {
            addresses_put(&outcome->header, name, field->value, strcasecmp(name, "To") == 0 ? NOBODY_NAMED : mail->from);
        } else if (strcasecmp(name, "Subject") == 0) {
            text_format(&value, " %s", host->config->subject);
            field_put(&outcome->header, &value, name);
        }
    }
    if (dropped.length > 0)
        text_add(&outcome->body, mail->body.data, mail->body.length);
    if (ours < 0 || outcome->header.failed || outcome->body.failed || dropped.failed)
        outcome_set(outcome, VERDICT_LATER, "no memory, or what we sealed cannot be seen");
    else if (dropped.length > 0 && stranger != NULL)
        outcome_set(outcome, VERDICT_REJECT, "no key for %s: not sent to anybody", stranger);
    else if (dropped.length > 0)
        outcome_set(outcome, VERDICT_CHANGED, "sealed already; not as we wrote it, and mended:%s", dropped.data);
    else
        outcome_set(outcome, VERDICT_PASS, "sealed already");
    text_free(&value);
    text_free(&dropped);
}
