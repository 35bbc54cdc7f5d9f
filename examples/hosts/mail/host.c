#include "host.h"

#include "log.h"
#include "submit.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of its own, so that it can be shared by all that look at it: `current` and `uses`. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct host *current;

const char *host_path(const struct host *host, struct text *path, const char *folder, const char *name)
{
    text_clear(path);
    text_format(path, "%s/%s%s%s", host->config->state, folder, *name == 0 ? "" : "/", name);
    return path->failed ? "" : path->data;
}

static void host_free(struct host *host)
{
    if (host == NULL)
        return;
    bulla_outbox_free(host->outbox);
    bulla_receipter_free(host->receipter);
    bulla_guard_free(host->guard);
    bulla_policy_free(host->policy);
    bulla_policy_free(host->addressees_policy);
    bulla_public_free(host->public_identity);
    bulla_identity_free(host->identity);
    keys_free(host->keys);
    config_free(host->config);
    free(host);
}

static bulla_status identity_load(struct host *host, bulla_error *error)
{
    struct text passphrase = {0};
    bulla_status status;

    if (host->config->passphrase_file != NULL) {
        if (file_read(host->config->passphrase_file, &passphrase, 4096) != 0) {
            log_error("%s cannot be read: %s", host->config->passphrase_file, strerror(errno));
            text_free(&passphrase);
            return error->text[0] = 0, BULLA_IO;
        }
        passphrase.data[strcspn(passphrase.data, "\r\n")] = 0;
    }
    status = bulla_identity_load(host->config->identity, passphrase.data, &host->identity, error);
    text_free(&passphrase);
    return status;
}

static void addressees_context(const struct host *host, struct text *context)
{
    text_format(context, "%s/addressees", host->config->context);
}

/* What follows from the configuration alone. */
static int host_settings(struct host *host)
{
    static const char *const folders[] = {"", "outgoing", "ours", "handed", "marks", "receipts", "told"};
    struct text path = {0}, context = {0};
    bulla_error error = {0};
    bulla_status status;
    int result = 0;

    for (size_t i = 0; i < sizeof folders / sizeof *folders && result == 0; i++)
        if ((result = folder_make(host_path(host, &path, folders[i], ""))) != 0)
            log_error("%s cannot be made: %s", path.data, strerror(errno));
    text_free(&path);
    if (result != 0 || (host->keys = keys_read(host->config->keys, host->config->delimiter)) == NULL)
        return -1;
    addressees_context(host, &context);
    if ((status = identity_load(host, &error)) == BULLA_OK &&
        (status = bulla_identity_public(host->identity, &host->public_identity, &error)) == BULLA_OK &&
        (status = bulla_receipter_new(host->identity, &host->receipter, &error)) == BULLA_OK &&
        (status = bulla_policy_new(host->config->context, &host->policy, &error)) == BULLA_OK &&
        (status = bulla_policy_skew(host->policy, host->config->skew, &error)) == BULLA_OK)
        status = keys_allow(host->keys, host->policy, &error);
    if (status == BULLA_OK && (status = bulla_policy_new(context.failed ? "" : context.data, &host->addressees_policy, &error)) == BULLA_OK &&
        (status = bulla_policy_skew(host->addressees_policy, host->config->skew, &error)) == BULLA_OK)
        status = keys_allow(host->keys, host->addressees_policy, &error);
    text_free(&context);
    if (status != BULLA_OK && error.text[0] != 0)
        log_error("%s: %s", host->config->identity, error.text);
    return status == BULLA_OK ? 0 : -1;
}

static bulla_status open_guard(struct host *host, bulla_error *error)
{
    struct text path = {0};
    bulla_database *database = NULL;
    bulla_status status;

    if (strcmp(host->config->guard, "file") != 0)
        return bulla_guard_redis(host->config->guard, NULL, &host->guard, error);
    if ((status = bulla_database_open(host_path(host, &path, "guard.db", ""), &database, error)) == BULLA_OK)
        status = bulla_guard_durable(database, NULL, &host->guard, error);
    bulla_database_free(database);
    text_free(&path);
    return status;
}

static bulla_status open_outbox(struct host *host, bulla_error *error)
{
    bulla_backoff backoff = {host->config->resend_first, host->config->resend_longest};
    struct text path = {0};
    bulla_database *database = NULL;
    bulla_status status;

    if ((status = bulla_database_open(host_path(host, &path, "outbox.db", ""), &database, error)) == BULLA_OK)
        status = bulla_outbox_new(database, &backoff, &host->outbox, error);
    bulla_database_free(database);
    text_free(&path);
    return status;
}

int user_become(const char *user)
{
    const struct passwd *entry;

    if (geteuid() != 0)
        return 0;
    if (user == NULL)
        return log_error("it does not work as root: set user"), -1;
    entry = getpwnam(user);
    if (entry == NULL)
        return log_error("there is no user named %s", user), -1;
    if (initgroups(user, entry->pw_gid) != 0 || setgid(entry->pw_gid) != 0 || setuid(entry->pw_uid) != 0 || setuid(0) == 0)
        return log_error("cannot become %s, or that is root", user), -1;
    return 0;
}

struct host *host_new(const char *configuration, int what)
{
    struct host *host = calloc(1, sizeof *host);
    bulla_error error;
    bulla_status status = BULLA_OK;

    if (host == NULL || (host->config = config_read(configuration)) == NULL || host_settings(host) != 0) {
        host_free(host);
        return NULL;
    }
    if (what & HOST_GUARD)
        status = open_guard(host, &error);
    if (status == BULLA_OK && what & HOST_OUTBOX)
        status = open_outbox(host, &error);
    if (status != BULLA_OK) {
        log_error("%s: %s", host->config->state, error.text);
        host_free(host);
        return NULL;
    }
    host->uses = 1;
    return host;
}

static int is_same(const char *one, const char *other)
{
    return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

/* What a running process cannot change: confirmations would look for what is under way where it is not. */
static int keeps_its_place(const struct config *config, const struct config *before)
{
    if (is_same(config->state, before->state) && is_same(config->guard, before->guard) && is_same(config->user, before->user))
        return 1;
    return log_error("state, guard and user are not changed while it runs: end it, and start it again"), 0;
}

struct host *host_again(const char *configuration, const struct host *before)
{
    struct host *host = calloc(1, sizeof *host);

    if (host == NULL || (host->config = config_read(configuration)) == NULL || !keeps_its_place(host->config, before->config) ||
        host_settings(host) != 0) {
        host_free(host);
        return NULL;
    }
    host->guard = before->guard;
    host->outbox = before->outbox;
    host->uses = 1;
    return host;
}

struct host *host_use(void)
{
    struct host *host;

    pthread_mutex_lock(&lock);
    host = current;
    host->uses++;
    pthread_mutex_unlock(&lock);
    return host;
}

void host_put(struct host *host)
{
    int last;

    if (host == NULL)
        return;
    pthread_mutex_lock(&lock);
    last = --host->uses == 0;
    /* Guard and outbox went over to the host that came after: it frees them. */
    if (last && current != NULL && current != host && current->guard == host->guard) {
        host->guard = NULL;
        host->outbox = NULL;
    }
    pthread_mutex_unlock(&lock);
    if (last)
        host_free(host);
}

void host_replace(struct host *host)
{
    struct host *before;

    pthread_mutex_lock(&lock);
    before = current;
    current = host;
    pthread_mutex_unlock(&lock);
    host_put(before);
}

bulla_status host_opener(const struct host *host, const char *reader, bulla_opener **opener, bulla_error *error)
{
    bulla_opener *made = NULL;
    bulla_status status = bulla_opener_new(host->identity, host->policy, host->guard, &made, error);

    if (status == BULLA_OK && reader != NULL)
        status = bulla_opener_reader_name(made, reader, error);
    if (status == BULLA_OK)
        *opener = made;
    else
        bulla_opener_free(made);
    return status;
}

bulla_status host_opener_of_addressees(const struct host *host, const char *reader, bulla_opener **opener, bulla_error *error)
{
    bulla_opener *made = NULL;
    bulla_status status;

    if (reader == NULL)
        return bulla_opener_new_unguarded(host->identity, host->addressees_policy, opener, error);
    if ((status = bulla_opener_new(host->identity, host->addressees_policy, host->guard, &made, error)) == BULLA_OK)
        status = bulla_opener_reader_name(made, reader, error);
    if (status == BULLA_OK)
        *opener = made;
    else
        bulla_opener_free(made);
    return status;
}

bulla_status host_draft_of_addressees(const struct host *host, bulla_draft **draft, bulla_error *error)
{
    struct text context = {0};
    bulla_status status;

    addressees_context(host, &context);
    status = bulla_draft_new(context.failed ? "" : context.data, draft, error);
    text_free(&context);
    return status;
}

void attribute_text(struct text *out, const bulla_stamp *stamp, const char *name)
{
    bulla_view value = {NULL, 0};

    text_clear(out);
    text_add(out, "", 0);
    if (bulla_stamp_attribute(stamp, name, &value, NULL) == BULLA_OK && (value.length == 0 || memchr(value.data, 0, value.length) == NULL))
        text_add(out, value.data, value.length);
}

char *sender_of(const bulla_stamp *stamp)
{
    struct text sender = {0};
    char *result = NULL;

    attribute_text(&sender, stamp, ATTRIBUTE_SENDER);
    if (sender.length > 0 && !address_is_plain(sender.data)) {
        log_error("the signed sender \"%s\" is no address: bounces go to nobody", sender.data);
        text_clear(&sender);
    }
    /* None is signed by whoever seals a bounce, or does not know of it. The null sender is then right for both: what the relay said
     * must not have what was opened, and the author of From need not be whoever sent it. */
    if (!sender.failed)
        result = strdup(sender.length == 0 ? "" : sender.data);
    text_free(&sender);
    return result;
}
