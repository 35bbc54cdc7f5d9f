// The smallest harness that will do: a test is a function with a name, a check tells where it failed.
#ifndef HARNESS_HPP
#define HARNESS_HPP

#include <bulla.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace harness {

struct test {
    const char* name;
    void (*run)();
};

inline std::vector<test>& all() {
    static std::vector<test> tests;
    return tests;
}

struct registered {
    registered(const char* name, void (*run)()) { all().push_back({name, run}); }
};

[[noreturn]] inline void failed(const char* file, int line, const std::string& what) {
    std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
    std::exit(1);
}

/// The value of a result that must have one: also without exceptions.
template <class T> T must(bulla::result<T> it, const char* file, int line) {
    if (!it) {
        failed(file, line, std::string(it.error().name()) + ": " + it.error().what());
    }
    if constexpr (!std::is_void_v<T>) {
        return *std::move(it);
    }
}

inline int main() {
    for (const auto& it : all()) {
        it.run();
        std::printf("ok %s\n", it.name);
    }
    return all().empty() ? 1 : 0;
}

} // namespace harness

#define TEST(name)                                                                                                                    \
    static void name();                                                                                                               \
    static const harness::registered registered_##name(#name, &name);                                                                \
    static void name()
#define CHECK(that) ((that) ? static_cast<void>(0) : harness::failed(__FILE__, __LINE__, "not so: " #that))
#define MUST(call) harness::must((call), __FILE__, __LINE__)
#define FAILS(call, expected) CHECK((call).code() == (expected))

/// Two people, and what one sends the other.
struct pair {
    bulla::identity alice = MUST(bulla::identity::generate());
    bulla::identity bob = MUST(bulla::identity::generate());
    bulla::public_identity alice_public = MUST(alice.public_identity());
    bulla::public_identity bob_public = MUST(bob.public_identity());
    bulla::key alice_key = MUST(alice_public.key());
    bulla::key bob_key = MUST(bob_public.key());

    bulla::sealer sealer() {
        auto made = MUST(bulla::sealer::make(alice));
        MUST(made.to(bob_public));
        return made;
    }
    static bulla::draft draft() { return MUST(bulla::draft::make("test")); }
    bulla::policy policy() {
        auto made = MUST(bulla::policy::make("test"));
        MUST(made.allow(alice_key));
        return made;
    }
    bulla::opener opener() { return MUST(bulla::opener::make(bob, policy(), MUST(bulla::guard::in_memory()))); }
};

/// A folder that vanishes.
class folder {
  public:
    folder() {
        char name[] = "/tmp/bulla-cpp-XXXXXX";
        CHECK(mkdtemp(name) != nullptr);
        path_ = name;
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() { CHECK(std::system(("rm -rf " + path_).c_str()) == 0); }
    std::string operator/(const char* name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

#endif
