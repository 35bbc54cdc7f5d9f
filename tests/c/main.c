/* Runs the tests, or those whose name holds the argument. */
#include "harness.h"

static const struct {
    const char *noun;
    const struct test *tests;
} NOUNS[] = {
    {"status", test_status}, {"buffer", test_buffer}, {"identity", test_identity}, {"clock", test_clock},
    {"draft", test_draft},   {"seal", test_seal},     {"open", test_open},         {"policy", test_policy},
    {"room", test_room},
    {"stamp", test_stamp},   {"stream", test_stream}, {"threads", test_threads},   {"guard", test_guard},
    {"holder", test_holder}, {"lease", test_lease},   {"store", test_store},       {"receipt", test_receipt},
    {"outbox", test_outbox}, {"audit", test_audit},   {"evidence", test_evidence}, {"armor", test_armor},
    {"random access", test_random_access}, {"guard list", test_guard_list}, {"threads on the disk", test_threads_durable},
    {"fork", test_fork},
};

int main(int argc, char **argv)
{
    size_t noun;
    int run = 0;

    for (noun = 0; noun < sizeof NOUNS / sizeof NOUNS[0]; noun++) {
        const struct test *test;

        for (test = NOUNS[noun].tests; test->run != NULL; test++) {
            char name[128];
            int before_it = failures;

            snprintf(name, sizeof name, "%s: %s", NOUNS[noun].noun, test->name);
            if (argc > 1 && strstr(name, argv[1]) == NULL)
                continue;
            test->run();
            run++;
            if (failures > before_it)
                fprintf(stderr, "FAILED %s\n", name);
        }
    }
    printf("%d tests, %d failed checks\n", run, failures);
    return failures > 0 || run == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
