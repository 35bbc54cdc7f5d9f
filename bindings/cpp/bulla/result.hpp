/// What becomes of an operation: a value, or why there is none.
#ifndef BULLA_RESULT_HPP
#define BULLA_RESULT_HPP

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "view.hpp"

namespace bulla {

/// What a code says about the message at hand.
enum class failure {
    /// The call was wrong, or something around it failed; nothing is said about the envelope.
    usage,
    /// Not acceptable as an envelope for this reader; nobody is known to have said anything.
    not_acceptable,
    /// Authentic, but refused: wrong sender, context, time, or seen before.
    refused,
    /// Not decided: try again later, and never bounce.
    try_again,
};

/// Why an operation failed. It never holds a secret.
class error : public std::exception {
  public:
    error(bulla_status code, std::string text) : code_(code), text_(std::make_shared<std::string>(std::move(text))) {}
    explicit error(const bulla_error& from) : error(from.code, from.text) {
        if (from.has_signer != 0) {
            signer_ = from.signer;
        }
    }
    /// A BULLA_... number, 1 to 99.
    [[nodiscard]] bulla_status code() const noexcept { return code_; }
    /// One line: what is wrong, and what to do.
    [[nodiscard]] const char* what() const noexcept override { return text_->c_str(); }
    /// The name of the code, such as "NotAuthentic".
    [[nodiscard]] const char* name() const noexcept { return bulla_status_name(code_); }
    /// Who signed what was refused with BULLA_UNTRUSTED_SENDER.
    [[nodiscard]] const std::optional<key>& signer() const noexcept { return signer_; }
    [[nodiscard]] failure kind() const noexcept {
        switch (bulla_status_class(code_)) {
        case BULLA_CLASS_NOT_ACCEPTABLE:
            return failure::not_acceptable;
        case BULLA_CLASS_REFUSED:
            return failure::refused;
        case BULLA_CLASS_TRY_AGAIN:
            return failure::try_again;
        default:
            return failure::usage;
        }
    }

  private:
    bulla_status code_;
    std::optional<key> signer_;
    // Copying an exception must not throw.
    std::shared_ptr<const std::string> text_;
};

namespace detail {

[[noreturn]] inline void fail(const error& why) {
#if defined(__cpp_exceptions)
    throw why;
#else
    (void)why;
    std::terminate();
#endif
}

/// What both kinds of result have in common.
template <class T> class outcome {
  public:
    [[nodiscard]] bool has_value() const noexcept { return is_.index() == 0; }
    [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }
    /// Why it failed. Of a success: an error with the code BULLA_WRONG_ORDER.
    [[nodiscard]] bulla::error error() const {
        return has_value() ? bulla::error(BULLA_WRONG_ORDER, "asked for the error of what has succeeded") : *std::get_if<1>(&is_);
    }
    /// BULLA_OK, or the code of the failure.
    [[nodiscard]] bulla_status code() const noexcept { return has_value() ? BULLA_OK : std::get_if<1>(&is_)->code(); }

  protected:
    explicit outcome(T&& value) : is_(std::in_place_index<0>, std::move(value)) {}
    explicit outcome(bulla::error&& why) : is_(std::in_place_index<1>, std::move(why)) {}
    T& checked() {
        if (!has_value()) {
            fail(*std::get_if<1>(&is_));
        }
        return *std::get_if<0>(&is_);
    }
    const T& checked() const { return const_cast<outcome*>(this)->checked(); }

  private:
    std::variant<T, bulla::error> is_;
};

} // namespace detail

/// A value, or why there is none. value(), * and -> of a failure throw bulla::error (with -fno-exceptions they end the program).
template <class T> class [[nodiscard]] result : public detail::outcome<T> {
  public:
    result(T value) : detail::outcome<T>(std::move(value)) {}
    result(bulla::error why) : detail::outcome<T>(std::move(why)) {}
    [[nodiscard]] T& value() & { return this->checked(); }
    [[nodiscard]] const T& value() const& { return this->checked(); }
    [[nodiscard]] T value() && { return std::move(this->checked()); }
    [[nodiscard]] T& operator*() & { return this->checked(); }
    [[nodiscard]] const T& operator*() const& { return this->checked(); }
    [[nodiscard]] T operator*() && { return std::move(this->checked()); }
    [[nodiscard]] T* operator->() { return &this->checked(); }
    [[nodiscard]] const T* operator->() const { return &this->checked(); }
};

/// Done, or why not.
template <> class [[nodiscard]] result<void> : public detail::outcome<std::monostate> {
  public:
    result() : outcome(std::monostate()) {}
    result(bulla::error why) : outcome(std::move(why)) {}
    void value() const { static_cast<void>(checked()); }
};

} // namespace bulla

#endif
