/// How the C interface is called: ownership, errors, texts, callbacks. Nothing here is for users but buffer.
#ifndef BULLA_HANDLE_HPP
#define BULLA_HANDLE_HPP

#include <functional>

#include "result.hpp"

namespace bulla {

namespace detail {

template <auto Free> struct freer {
    template <class C> void operator()(C* handle) const noexcept { Free(handle); }
};
/// Owns a handle of the C interface.
template <class C, auto Free> using handle = std::unique_ptr<C, freer<Free>>;

/// Runs a call that answers with one of several codes. `call` takes the place for an error; `on` what the code was.
template <class T, class Call, class On> result<T> answered(Call&& call, On&& on) {
    bulla_error why;
    why.code = BULLA_INTERNAL;
    why.has_signer = 0;
    why.text[0] = '\0';
    const bulla_status code = call(&why);
    // Answers are above 100, failures below; what a newer library answers is not known here.
    if (code != BULLA_OK && (code < 100 || code > BULLA_REFUSED)) {
        if (code == why.code) {
            return bulla::error(why);
        }
        return bulla::error(code, bulla_status_text(code));
    }
    return on(code);
}

/// An answer that this call does not have, by its description.
inline bulla::error unexpected(bulla_status code) {
    return bulla::error(BULLA_INTERNAL, std::string("the library answered what it never should here: ") + bulla_status_name(code));
}

/// Runs a call that succeeds with BULLA_OK alone.
template <class Call> result<void> done(Call&& call) {
    return answered<void>(call, [](bulla_status code) { return code == BULLA_OK ? result<void>() : result<void>(unexpected(code)); });
}

/// Runs a call that writes a value of type `C`, of which a `T` is made.
template <class T, class C, class Call> result<T> got(Call&& call) {
    C value{};
    return answered<T>([&](bulla_error* why) { return call(&value, why); },
                       [&](bulla_status code) { return code == BULLA_OK ? result<T>(T(value)) : result<T>(unexpected(code)); });
}

/// As `got`, for calls that may answer BULLA_NOTHING.
template <class T, class C, class Call> result<std::optional<T>> got_or_nothing(Call&& call) {
    C value{};
    return answered<std::optional<T>>([&](bulla_error* why) { return call(&value, why); },
                                      [&](bulla_status code) -> result<std::optional<T>> {
                                          if (code == BULLA_NOTHING) {
                                              return std::optional<T>();
                                          }
                                          return code == BULLA_OK ? result<std::optional<T>>(T(value))
                                                                  : result<std::optional<T>>(unexpected(code));
                                      });
}

/// Runs a call that makes a handle: `T::from` owns it.
struct access {
    template <class T, class C> static T from(C* handle) { return T(handle); }
    template <class T> static auto get(const T& it) { return it.handle_.get(); }
};
template <class T, class C, class Call> result<T> made(Call&& call) {
    C* handle = nullptr;
    return answered<T>([&](bulla_error* why) { return call(&handle, why); },
                       [&](bulla_status code) {
                           return code == BULLA_OK ? result<T>(access::from<T>(handle)) : result<T>(unexpected(code));
                       });
}
/// The handle of an object; NULL of one that was moved from.
template <class T> auto raw(const T& it) { return access::get(it); }

/// Text closed with NUL for a call, and wiped after it: it may be a passphrase.
class text_of {
  public:
    explicit text_of(std::string_view from) : text_(from) {}
    text_of(const text_of&) = delete;
    text_of& operator=(const text_of&) = delete;
    ~text_of() {
        volatile char* at = text_.data();
        for (std::size_t left = text_.size(); left != 0; --left) {
            *at = '\0';
            at = at + 1;
        }
    }
    /// A NUL within would cut it in silence.
    [[nodiscard]] bool whole() const noexcept { return text_.find('\0') == std::string::npos; }
    [[nodiscard]] const char* get() const noexcept { return text_.c_str(); }
    static bulla::error cut() { return bulla::error(BULLA_INVALID_INPUT, "an argument is not acceptable: there is a NUL in the text"); }

  private:
    std::string text_;
};

/// Calls a function of the user's: what it throws becomes `instead`.
template <class R, class Work> R contained(R instead, Work&& work) noexcept {
#if defined(__cpp_exceptions)
    try {
        return work();
    } catch (...) {
        return instead;
    }
#else
    static_cast<void>(instead);
    return work();
#endif
}

/// A callback's context, and what destroys it.
template <class T> void drop(void* context) noexcept { delete static_cast<T*>(context); }

/// Gives the context away if the call succeeds; else it is destroyed here, for C does not.
template <class T, class R> R given(std::unique_ptr<T>& context, R&& outcome) {
    if (outcome.has_value()) {
        static_cast<void>(context.release());
    }
    return std::forward<R>(outcome);
}

} // namespace detail

/// Bytes in memory of the library, which is wiped when they are destroyed, cleared, or grow. Calls append to it.
class buffer {
  public:
    [[nodiscard]] const std::uint8_t* data() const noexcept { return bulla_buffer_data(handle_.get()); }
    [[nodiscard]] std::size_t size() const noexcept { return bulla_buffer_length(handle_.get()); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] const std::uint8_t* begin() const noexcept { return data(); }
    [[nodiscard]] const std::uint8_t* end() const noexcept { return bytes_view(data(), size()).end(); }
    [[nodiscard]] bytes_view view() const noexcept { return {data(), size()}; }
    [[nodiscard]] std::string_view text() const noexcept { return view().text(); }
    void clear() noexcept { bulla_buffer_clear(handle_.get()); }

    static result<buffer> make() {
        return detail::made<buffer, bulla_buffer>([](auto** out, auto* why) { return bulla_buffer_new(out, why); });
    }
    /// Over memory of the caller's, which must live longer, and stays as it is: what has no room in it is BULLA_BUFFER_TOO_SMALL.
    static result<buffer> over(std::uint8_t* memory, std::size_t capacity) {
        return detail::made<buffer, bulla_buffer>(
            [&](auto** out, auto* why) { return bulla_buffer_wrap(memory, capacity, out, why); });
    }

  private:
    friend detail::access;
    explicit buffer(bulla_buffer* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_buffer, &bulla_buffer_free> handle_;
};

namespace detail {

/// Runs a call that fills a buffer.
template <class Call> result<buffer> filled(Call&& call) {
    auto out = buffer::make();
    if (!out) {
        return out.error();
    }
    auto did = done([&](bulla_error* why) { return call(raw(*out), why); });
    if (!did) {
        return did.error();
    }
    return out;
}

} // namespace detail

} // namespace bulla

#endif
