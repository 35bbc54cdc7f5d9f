/*
 * How fast one build of the library is over another one:   speed OTHER.so THIS.so
 *
 * Both are loaded into one process and take turns, so that whatever else the machine does meets both; of the ratios of the turns
 * the median counts. It fails if one is above the limit. `bindings/size.sh --speed` runs it.
 */
#include <bulla.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TURNS 41
#define LIMIT 1.08
#define LARGEST (16u << 20)
#define MOST 32

/* The function of this side's library, not of one that the program is linked with: there is none. */
#define OF(side, name) ((__typeof__(&name))find((side)->library, #name))

typedef struct side {
    void *library;
    bulla_identity *identity;
    bulla_sealer *sealer;
    bulla_draft *draft;
    bulla_opener *opener;
    bulla_buffer *sealed[MOST], *opened;
} side;

typedef struct work {
    const char *name;
    double (*turn)(side *, size_t, size_t);
    size_t length, times;
} work;

static uint8_t content[LARGEST];
static bulla_error error;

static void *find(void *library, const char *name)
{
    void *found = dlsym(library, name);
    if (found == NULL) {
        fprintf(stderr, "speed: %s\n", dlerror());
        exit(EXIT_FAILURE);
    }
    return found;
}

static void must(bulla_status status)
{
    if (status != BULLA_OK) {
        fprintf(stderr, "speed: %s\n", error.text);
        exit(EXIT_FAILURE);
    }
}

/* Processor time of this thread: what others do does not count. */
static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static side prepare(const char *file)
{
    side made = {0};
    bulla_identity *reader = NULL;
    bulla_public *public = NULL, *recipient = NULL;
    bulla_policy *policy = NULL;
    bulla_guard *guard = NULL;
    bulla_key key;

    made.library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (made.library == NULL) {
        fprintf(stderr, "speed: %s\n", dlerror());
        exit(EXIT_FAILURE);
    }
    must(OF(&made, bulla_identity_generate)(&made.identity, &error));
    must(OF(&made, bulla_identity_public)(made.identity, &public, &error));
    must(OF(&made, bulla_public_key)(public, &key, &error));
    must(OF(&made, bulla_sealer_new)(made.identity, &made.sealer, &error));
    must(OF(&made, bulla_identity_generate)(&reader, &error));
    must(OF(&made, bulla_identity_public)(reader, &recipient, &error));
    must(OF(&made, bulla_sealer_to)(made.sealer, recipient, &error));
    must(OF(&made, bulla_draft_new)("speed", &made.draft, &error));
    must(OF(&made, bulla_policy_new)("speed", &policy, &error));
    must(OF(&made, bulla_policy_allow)(policy, &key, &error));
    must(OF(&made, bulla_guard_in_memory)(NULL, &guard, &error));
    must(OF(&made, bulla_opener_new)(reader, policy, guard, &made.opener, &error));
    must(OF(&made, bulla_buffer_new)(&made.opened, &error));
    for (size_t at = 0; at < MOST; at++) must(OF(&made, bulla_buffer_new)(&made.sealed[at], &error));
    OF(&made, bulla_guard_free)(guard);
    OF(&made, bulla_policy_free)(policy);
    OF(&made, bulla_public_free)(recipient);
    OF(&made, bulla_public_free)(public);
    OF(&made, bulla_identity_free)(reader);
    return made;
}

static double seal(side *side, size_t length, size_t times)
{
    double began = now();
    for (size_t at = 0; at < times; at++) {
        OF(side, bulla_buffer_clear)(side->sealed[at]);
        must(OF(side, bulla_seal)(side->sealer, side->draft, content, length, side->sealed[at], NULL, &error));
    }
    return now() - began;
}

static double open_sealed(side *side, size_t length, size_t times)
{
    double began;
    seal(side, length, times);
    began = now();
    for (size_t at = 0; at < times; at++) {
        const bulla_buffer *envelope = side->sealed[at];
        bulla_message *message = NULL;
        OF(side, bulla_buffer_clear)(side->opened);
        must(OF(side, bulla_open)(side->opener, OF(side, bulla_buffer_data)(envelope), OF(side, bulla_buffer_length)(envelope),
                                  side->opened, &message, &error));
        OF(side, bulla_message_free)(message);
    }
    return now() - began;
}

static double passphrase(side *side, size_t length, size_t times)
{
    double began = now();
    (void)length;
    for (size_t at = 0; at < times; at++) {
        OF(side, bulla_buffer_clear)(side->opened);
        must(OF(side, bulla_identity_text)(side->identity, "correct horse", side->opened, &error));
    }
    return now() - began;
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values)
{
    qsort(values, TURNS, sizeof *values, ascending);
    return values[TURNS / 2];
}

int main(int argc, char **argv)
{
    static const work works[] = {
        {"seal 256 B", seal, 256, MOST},   {"open 256 B", open_sealed, 256, MOST}, {"seal 16 MiB", seal, LARGEST, 1},
        {"open 16 MiB", open_sealed, LARGEST, 1}, {"key under a passphrase", passphrase, 0, 1},
    };
    int status = EXIT_SUCCESS;
    side other, this;

    if (argc != 3) {
        fprintf(stderr, "usage: speed OTHER.so THIS.so\n");
        return EXIT_FAILURE;
    }
    memset(content, 'x', sizeof content);
    other = prepare(argv[1]);
    this = prepare(argv[2]);
    for (size_t at = 0; at < sizeof works / sizeof *works; at++) {
        const work *work = &works[at];
        size_t turns = work->turn == passphrase ? 5 : TURNS;
        double ratios[TURNS], mine[TURNS], ratio;
        for (size_t turn = 0; turn < TURNS; turn++) {
            double others;
            if (turn >= turns) {
                ratios[turn] = ratios[turn % turns], mine[turn] = mine[turn % turns];
            } else if (turn % 2 == 0) {
                others = work->turn(&other, work->length, work->times), mine[turn] = work->turn(&this, work->length, work->times);
                ratios[turn] = mine[turn] / others;
            } else {
                mine[turn] = work->turn(&this, work->length, work->times), others = work->turn(&other, work->length, work->times);
                ratios[turn] = mine[turn] / others;
            }
        }
        ratio = median(ratios);
        printf("%-24s %10.1f us %8.3f of the other's\n", work->name, median(mine) / (double)work->times * 1e6, ratio);
        if (ratio > LIMIT) status = EXIT_FAILURE;
    }
    if (status != EXIT_SUCCESS) fprintf(stderr, "speed: a ratio is above %.2f\n", LIMIT);
    return status;
}
