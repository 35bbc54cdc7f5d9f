#include "due.h"

#include "log.h"
#include "outgoing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const char *state_name(const bulla_outbox_entry *entry)
{
    switch (entry->state) {
    case BULLA_OUTBOX_WAITING:
        return "waiting";
    case BULLA_OUTBOX_SETTLED:
        return entry->awaits_stored ? "stored" : "delivered";
    case BULLA_OUTBOX_REJECTED:
        return "rejected";
    case BULLA_OUTBOX_GIVEN_UP:
        return "no receipt";
    default:
        return "unknown";
    }
}

static void time_print(const char *what, uint64_t seconds)
{
    char date[32];
    time_t time = (time_t)seconds;
    struct tm parts;

    gmtime_r(&time, &parts);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%SZ", &parts);
    printf(", %s %s", what, date);
}

/* What others wrote: nothing of it steers the terminal. */
static void words_print(const char *words, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)words[i];
        int control = c < ' ' || c == 0x7f || (c == 0xc2 && i + 1 < length && ((unsigned char)words[i + 1] & 0xe0) == 0x80);

        putchar(control ? '?' : c);
        i += control && c == 0xc2;
    }
}

/* What is remembered of a mail that went out. */
struct sent_mail {
    struct outgoing outgoing;
    struct text recipients;
    char *id; /* its Message-ID */
};

static void sent_mail_free(struct sent_mail *mail)
{
    free(mail->id);
    text_free(&mail->recipients);
    outgoing_free(&mail->outgoing);
}

static void sent_mail_read(const struct host *host, const bulla_outbox_entry *entry, struct sent_mail *mail)
{
    struct header header = {0};
    char name[OUTGOING_NAME] = "";

    memset(mail, 0, sizeof *mail);
    if (entry->note.length == OUTGOING_NAME - 1)
        memcpy(name, entry->note.data, entry->note.length);
    if (name[0] != 0 && outgoing_read(host, name, &mail->outgoing) == 0) {
        outgoing_recipients(&mail->outgoing, &entry->recipient, &mail->recipients);
        if (mail->outgoing.header.data != NULL && header_parse(&header, mail->outgoing.header.data, mail->outgoing.header.length) >= 0)
            mail->id = header_value(&header, "Message-ID");
    }
    header_free(&header);
}

static void known_print(const char *words)
{
    words_print(words == NULL ? "?" : words, words == NULL ? 1 : strlen(words));
}

static void entry_print(const struct host *host, const bulla_outbox_entry *entry)
{
    struct sent_mail mail;

    sent_mail_read(host, entry, &mail);
    printf("%-10s  ", state_name(entry));
    known_print(mail.outgoing.from);
    printf(" -> ");
    known_print(mail.recipients.data);
    printf("  ");
    known_print(mail.id);
    printf("  sent %u time%s", entry->attempts, entry->attempts == 1 ? "" : "s");
    if (entry->state == BULLA_OUTBOX_WAITING) {
        time_print("again at", entry->next_due);
        time_print("until", entry->deadline);
    }
    if (entry->state == BULLA_OUTBOX_REJECTED && entry->told.length > 0) {
        printf(": ");
        words_print((const char *)entry->told.data, entry->told.length);
    }
    printf("\n");
    sent_mail_free(&mail);
}

/* Whether it is the mail that is asked for, and one of those that it went to. */
static int is_asked_for(const struct sent_mail *mail, const bulla_outbox_entry *entry, const char *id, const char *to)
{
    size_t length = mail->id == NULL ? 0 : strlen(mail->id);

    /* People leave the angle brackets away. */
    if (length == 0 || (strcmp(mail->id, id) != 0 && (length != strlen(id) + 2 || strncmp(mail->id + 1, id, length - 2) != 0)))
        return 0;
    for (size_t i = 0; to != NULL && i < mail->outgoing.count; i++)
        if (memcmp(&mail->outgoing.addressees[i].key, &entry->recipient, sizeof entry->recipient) == 0 &&
            strcasecmp(mail->outgoing.addressees[i].address, to) == 0)
            return 1;
    return to == NULL;
}

/* The armored proof of a receipt. 0, or -1. */
static int proof_print(const bulla_outbox_entry *entry)
{
    bulla_buffer *text = NULL;
    bulla_error error;
    int result = -1;

    if (bulla_buffer_new(&text, &error) == BULLA_OK &&
        bulla_armor(BULLA_ARMOR_RECEIPT_PROOF, entry->proof.data, entry->proof.length, text, &error) == BULLA_OK)
        result = fwrite(bulla_buffer_data(text), 1, bulla_buffer_length(text), stdout) == bulla_buffer_length(text) ? 0 : -1;
    bulla_buffer_free(text);
    if (result == 0 && fflush(stdout) != 0)
        result = -1;
    return result == 0 ? 0 : (log_error("the proof cannot be written"), -1);
}

int proof(const struct host *host, const char *id, const char *to)
{
    bulla_entry_list *list = NULL;
    bulla_outbox_entry entry, found = {0};
    bulla_error error;
    size_t matches = 0, proven = 0;
    int result = 1;

    if (bulla_outbox_list(host->outbox, BULLA_FILTER_ALL, SIZE_MAX, &list, &error) != BULLA_OK)
        return log_error("%s", error.text), -1;
    for (size_t i = 0; i < bulla_entry_list_count(list); i++) {
        struct sent_mail mail;

        if (bulla_entry_list_at(list, i, &entry, &error) != BULLA_OK)
            continue;
        sent_mail_read(host, &entry, &mail);
        if (is_asked_for(&mail, &entry, id, to)) {
            matches++;
            if (entry.proof.length > 0 && proven++ == 0)
                found = entry;
        }
        sent_mail_free(&mail);
    }
    if (proven > 1)
        log_error("it has %zu receipts, one of each key: say whose, with --to ADDRESS", proven);
    else if (proven == 1)
        result = proof_print(&found);
    else
        log_error("%s", matches > 0 ? "no receipt of it has come" : "no such mail is in the outbox: --report --all shows what is");
    bulla_entry_list_free(list);
    return result;
}

int report(const struct host *host, int everything)
{
    size_t counts[BULLA_OUTBOX_GIVEN_UP + 1] = {0};
    bulla_entry_list *list = NULL;
    bulla_outbox_entry entry;
    bulla_error error;

    if (bulla_outbox_list(host->outbox, BULLA_FILTER_ALL, SIZE_MAX, &list, &error) != BULLA_OK)
        return log_error("%s", error.text), -1;
    for (size_t i = 0; i < bulla_entry_list_count(list); i++) {
        if (bulla_entry_list_at(list, i, &entry, &error) != BULLA_OK)
            continue;
        if (entry.state <= BULLA_OUTBOX_GIVEN_UP)
            counts[entry.state]++;
        if (everything || entry.state != BULLA_OUTBOX_SETTLED)
            entry_print(host, &entry);
    }
    printf("%zu waiting, %zu receipted, %zu rejected, %zu without receipt\n", counts[BULLA_OUTBOX_WAITING],
           counts[BULLA_OUTBOX_SETTLED], counts[BULLA_OUTBOX_REJECTED], counts[BULLA_OUTBOX_GIVEN_UP]);
    bulla_entry_list_free(list);
    return counts[BULLA_OUTBOX_REJECTED] + counts[BULLA_OUTBOX_GIVEN_UP] > 0;
}
