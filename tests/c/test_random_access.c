#include "harness.h"

const struct test test_random_access[] = {
    END,
};
