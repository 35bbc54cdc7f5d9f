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
static void words_print(FILE *out, const char *words, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)words[i];
        int control = c < ' ' || c == 0x7f || (c == 0xc2 && i + 1 < length && ((unsigned char)words[i + 1] & 0xe0) == 0x80);

        putc(control ? '?' : c, out);
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

static void known_print(FILE *out, const char *words)
{
    words_print(out, words == NULL ? "?" : words, words == NULL ? 1 : strlen(words));
}

static void entry_print(const struct host *host, const bulla_outbox_entry *entry)
{
    struct sent_mail mail;

    sent_mail_read(host, entry, &mail);
    printf("%-10s  ", state_name(entry));
    known_print(stdout, mail.outgoing.from);
    printf(" -> ");
    known_print(stdout, mail.recipients.data);
    printf("  ");
    known_print(stdout, mail.id);
    printf("  sent %u time%s", entry->attempts, entry->attempts == 1 ? "" : "s");
    if (entry->state == BULLA_OUTBOX_WAITING) {
        time_print("again at", entry->next_due);
        time_print("until", entry->deadline);
    }
    if (entry->state == BULLA_OUTBOX_REJECTED && entry->told.length > 0) {
        printf(": ");
        words_print(stdout, (const char *)entry->told.data, entry->told.length);
    }
    printf("\n");
    sent_mail_free(&mail);
}

/* Bulla's own id of a message, which nobody chooses. */
#define ID_ROOM (2 * sizeof(bulla_message_id) + 1)

static void id_write(const bulla_message_id *id, char *out)
{
    for (size_t i = 0; i < sizeof id->bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", id->bytes[i]);
}

/* Whether it is a mail that is asked for. Anybody here can give his mail the Message-ID of another's. */
static int is_asked_for(const struct sent_mail *mail, const bulla_outbox_entry *entry, const struct asked *asked)
{
    size_t length = mail->id == NULL ? 0 : strlen(mail->id), given = strlen(asked->id);
    char own[ID_ROOM];

    id_write(&entry->message_id, own);
    if (given == ID_ROOM - 1 && strspn(asked->id, "0123456789abcdef") == given) {
        if (strcmp(own, asked->id) != 0)
            return 0;
    } else if (length == 0 || (strcmp(mail->id, asked->id) != 0 && (length != given + 2 || strncmp(mail->id + 1, asked->id, given) != 0))) {
        /* People leave the angle brackets away. */
        return 0;
    }
    return asked->from == NULL || (mail->outgoing.from != NULL && strcasecmp(mail->outgoing.from, asked->from) == 0);
}

/* Whether it went to this address. */
static int went_to(const struct sent_mail *mail, const bulla_outbox_entry *entry, const char *to)
{
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

/* What was found of those that are asked for: how many, and whether they are all one message. */
struct findings { size_t matches, proven; int several; bulla_message_id first; bulla_outbox_entry entry; };

/* One that is asked for: as a line for whoever has to choose between several. */
static void asked_print(const struct sent_mail *mail, const bulla_outbox_entry *entry)
{
    char own[ID_ROOM], date[32];
    time_t time = (time_t)mail->outgoing.sent.issued;
    struct tm parts;

    id_write(&entry->message_id, own);
    gmtime_r(&time, &parts);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%SZ", &parts);
    fprintf(stderr, "    %s  %s  ", own, mail->outgoing.from == NULL ? "?" : date);
    known_print(stderr, mail->outgoing.from);
    fputs(" -> ", stderr);
    known_print(stderr, mail->recipients.data);
    fputs("\n", stderr);
}

/* Looks through the outbox; says what it finds if `tell`. */
static void asked_find(const struct host *host, const bulla_entry_list *list, const struct asked *asked, int tell, struct findings *found)
{
    bulla_outbox_entry entry;
    bulla_error error;

    memset(found, 0, sizeof *found);
    for (size_t i = 0; i < bulla_entry_list_count(list); i++) {
        struct sent_mail mail;

        if (bulla_entry_list_at(list, i, &entry, &error) != BULLA_OK)
            continue;
        sent_mail_read(host, &entry, &mail);
        if (is_asked_for(&mail, &entry, asked)) {
            if (tell)
                asked_print(&mail, &entry);
            /* Which message it is must be told before by whom it was receipted, and whether: all count. */
            if (found->matches == 0)
                found->first = entry.message_id;
            found->several |= memcmp(&found->first, &entry.message_id, sizeof found->first) != 0;
            found->matches++;
            if (entry.proof.length > 0 && went_to(&mail, &entry, asked->to) && found->proven++ == 0)
                found->entry = entry;
        }
        sent_mail_free(&mail);
    }
}

int proof(const struct host *host, const struct asked *asked)
{
    bulla_entry_list *list = NULL;
    struct findings found;
    bulla_error error;
    int result = 1;

    if (bulla_outbox_list(host->outbox, BULLA_FILTER_ALL, SIZE_MAX, &list, &error) != BULLA_OK)
        return log_error("%s", error.text), -1;
    asked_find(host, list, asked, 0, &found);
    if (found.several) {
        log_error("several messages have this Message-ID: say which, with --proof and its number here, or with --from ADDRESS");
        asked_find(host, list, asked, 1, &found);
    } else if (found.proven > 1) {
        log_error("it has %zu receipts, one of each key: say whose, with --to ADDRESS", found.proven);
    } else if (found.proven == 1) {
        result = proof_print(&found.entry);
    } else {
        log_error("%s", found.matches > 0 ? "no receipt of it has come" : "no such mail is in the outbox: --report --all shows what is");
    }
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
