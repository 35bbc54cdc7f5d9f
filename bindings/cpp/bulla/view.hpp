/// Bytes that are only looked at.
#ifndef BULLA_VIEW_HPP
#define BULLA_VIEW_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <bulla.h>

namespace bulla {

namespace detail {

template <class T>
inline constexpr bool is_byte = std::is_same_v<T, unsigned char> || std::is_same_v<T, char> ||
#if defined(__cpp_char8_t)
                                std::is_same_v<T, char8_t> ||
#endif
                                std::is_same_v<T, std::byte>;

template <class C, class = void>
inline constexpr bool is_bytes = false;
template <class C>
inline constexpr bool
    is_bytes<C, std::void_t<decltype(std::declval<const C&>().data()), decltype(std::declval<const C&>().size())>> =
        is_byte<std::remove_cv_t<std::remove_pointer_t<decltype(std::declval<const C&>().data())>>>;

} // namespace detail

/// Bytes that belong to somebody else: taken from strings, string views, vectors, arrays and spans of bytes, and buffers. As a
/// parameter it costs nothing; kept, it must not outlive what it looks at.
class bytes_view {
  public:
    constexpr bytes_view() noexcept = default;
    constexpr bytes_view(const std::uint8_t* data, std::size_t size) noexcept : data_(data), size_(size) {}
    /// Text that is closed with NUL, without that.
    bytes_view(const char* text) noexcept : bytes_view(std::string_view(text)) {}
    bytes_view(std::nullptr_t) = delete;
    template <class C, std::enable_if_t<detail::is_bytes<C>, int> = 0>
    bytes_view(const C& bytes) noexcept
        : data_(reinterpret_cast<const std::uint8_t*>(bytes.data())), size_(bytes.size()) {}
    template <std::size_t N>
    constexpr bytes_view(const std::uint8_t (&bytes)[N]) noexcept : data_(bytes), size_(N) {}

    [[nodiscard]] constexpr const std::uint8_t* data() const noexcept { return data_; }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] constexpr const std::uint8_t* begin() const noexcept { return data_; }
    [[nodiscard]] constexpr const std::uint8_t* end() const noexcept { return size_ == 0 ? data_ : data_ + size_; }
    /// At most `count` bytes from `from` on; fewer, or none, at the end.
    [[nodiscard]] constexpr bytes_view part(std::size_t from, std::size_t count = SIZE_MAX) const noexcept {
        if (from >= size_) {
            return {};
        }
        return {data_ + from, count < size_ - from ? count : size_ - from};
    }
    /// The same as text.
    [[nodiscard]] std::string_view text() const noexcept {
        return size_ == 0 ? std::string_view() : std::string_view(reinterpret_cast<const char*>(data_), size_);
    }
    [[nodiscard]] std::vector<std::uint8_t> copy() const { return std::vector<std::uint8_t>(begin(), end()); }

    /// Not in constant time: for what is public.
    friend bool operator==(bytes_view one, bytes_view other) noexcept { return one.text() == other.text(); }
    friend bool operator!=(bytes_view one, bytes_view other) noexcept { return !(one == other); }

  private:
    const std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
};

namespace detail {

inline bytes_view view(bulla_view it) noexcept { return {it.data, it.length}; }
inline std::string text(bulla_view it) { return std::string(view(it).text()); }

} // namespace detail

/// A value of fixed length of the C interface, such as a key.
template <class C> struct fixed : C {
    fixed() noexcept : C() {}
    fixed(const C& value) noexcept : C(value) {}
    /// All of its bytes; those of a name, not of a secret.
    [[nodiscard]] bytes_view view() const noexcept { return bytes_view(this->bytes); }
    /// In lower-case hexadecimal digits.
    [[nodiscard]] std::string hex() const {
        std::string text;
        for (std::uint8_t byte : this->bytes) {
            text.push_back("0123456789abcdef"[byte >> 4U]);
            text.push_back("0123456789abcdef"[byte & 15U]);
        }
        return text;
    }
    friend bool operator==(const fixed& one, const fixed& other) noexcept { return one.view() == other.view(); }
    friend bool operator!=(const fixed& one, const fixed& other) noexcept { return !(one == other); }
    friend bool operator<(const fixed& one, const fixed& other) noexcept { return one.view().text() < other.view().text(); }
};

/// A public signing key: the name by which a person is known.
using key = fixed<bulla_key>;
/// A BLAKE3 digest.
using digest = fixed<bulla_digest>;
/// The id of a message: the same when it is sealed or sent again.
using message_id = fixed<bulla_message_id>;

} // namespace bulla

#endif
