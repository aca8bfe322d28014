#include "learn/ubjson_reader.h"

#include <bit>
#include <optional>
#include <type_traits>

#include <fmt/format.h>

namespace tenure::learn {
namespace {

/// Big-endian bytes as a value of the same size; the caller has checked that they are there.
template <typename T>
T read_big_endian(const char* bytes) {
  using Bits = std::conditional_t<
      sizeof(T) == 8, std::uint64_t,
      std::conditional_t<sizeof(T) == 4, std::uint32_t,
                         std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint8_t>>>;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bits = (bits << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return std::bit_cast<T>(static_cast<Bits>(bits));
}

std::size_t scalar_size(char marker) {
  switch (marker) {
    case 'i':
    case 'U':
    case 'C':
      return 1;
    case 'I':
      return 2;
    case 'l':
    case 'd':
      return 4;
    case 'L':
    case 'D':
      return 8;
    default:
      return 0;
  }
}

bool is_floating(char marker) {
  return marker == 'd' || marker == 'D';
}

std::int64_t integer_at(char marker, const char* bytes) {
  switch (marker) {
    case 'i':
      return read_big_endian<std::int8_t>(bytes);
    case 'I':
      return read_big_endian<std::int16_t>(bytes);
    case 'l':
      return read_big_endian<std::int32_t>(bytes);
    case 'L':
      return read_big_endian<std::int64_t>(bytes);
    default:
      return read_big_endian<std::uint8_t>(bytes);
  }
}

float number_at(char marker, const char* bytes) {
  return marker == 'd' ? read_big_endian<float>(bytes)
                       : static_cast<float>(read_big_endian<double>(bytes));
}

class UbjsonReader {
 public:
  explicit UbjsonReader(std::string_view bytes) : bytes_(bytes) {}

  core::Result<DocumentValue> read_document() {
    auto value = read_value(0);
    if (!value) return value;
    if (at_ != bytes_.size()) return fail("the end of the file");
    return value;
  }

 private:
  core::Error fail(std::string_view expected) const {
    return core::Error{core::ErrorCode::kCorruption,
                       fmt::format("UBJSON, byte {}: expected {}", at_, expected)};
  }

  std::size_t left() const { return bytes_.size() - at_; }
  bool is_next(char marker) const { return at_ < bytes_.size() && bytes_[at_] == marker; }
  bool take(char marker) {
    if (!is_next(marker)) return false;
    ++at_;
    return true;
  }

  /// A length or count: any integer type, not negative.
  std::optional<std::uint64_t> read_count() {
    if (left() == 0) return std::nullopt;
    const char marker = bytes_[at_];
    const std::size_t size = scalar_size(marker);
    if (size == 0 || is_floating(marker) || marker == 'C' || left() - 1 < size) return std::nullopt;
    const std::int64_t count = integer_at(marker, bytes_.data() + at_ + 1);
    if (count < 0) return std::nullopt;
    at_ += 1 + size;
    return static_cast<std::uint64_t>(count);
  }

  core::Result<std::string> read_text() {
    const auto length = read_count();
    if (!length) return fail("the length of a text");
    if (*length > left()) return fail(fmt::format("{} bytes of text", *length));
    std::string text(bytes_.substr(at_, *length));
    at_ += *length;
    return text;
  }

  core::Result<DocumentValue> read_value(int depth) {
    if (left() == 0) return fail("a value");
    if (depth > kDocumentDepthMax) return fail("less nesting");
    const char marker = bytes_[at_];
    switch (marker) {
      case '{':
        return read_object(depth);
      case '[':
        return read_array(depth);
      case 'S': {
        ++at_;
        auto text = read_text();
        if (!text) return std::move(text).error();
        return DocumentValue{*std::move(text)};
      }
      case 'T':
        ++at_;
        return DocumentValue{true};
      case 'F':
        ++at_;
        return DocumentValue{false};
      case 'Z':
        ++at_;
        return DocumentValue{};
      default:
        break;
    }
    const std::size_t size = scalar_size(marker);
    if (size == 0) return fail("a type marker");
    if (left() - 1 < size) return fail("the bytes of a number");
    const char* const bytes = bytes_.data() + at_ + 1;
    at_ += 1 + size;
    if (is_floating(marker)) return DocumentValue{number_at(marker, bytes)};
    if (marker == 'C') return DocumentValue{std::string(1, *bytes)};
    return DocumentValue{integer_at(marker, bytes)};
  }

  core::Result<DocumentValue> read_object(int depth) {
    ++at_;
    DocumentValue::Object members;
    while (!take('}')) {
      auto name = read_text();
      if (!name) return std::move(name).error();
      auto value = read_value(depth + 1);
      if (!value) return value;
      members.names.push_back(*std::move(name));
      members.values.push_back(*std::move(value));
    }
    return DocumentValue{std::move(members)};
  }

  core::Result<DocumentValue> read_array(int depth) {
    ++at_;
    if (take('$')) return read_typed_array();
    ArrayCollector elements;
    if (take('#')) {
      const auto count = read_count();
      // Every element takes a byte at least, so a count beyond the file is a lie.
      if (!count || *count > left()) return fail("a count of elements that the file holds");
      for (std::uint64_t i = 0; i < *count; ++i) {
        auto value = read_value(depth + 1);
        if (!value) return value;
        elements.add(*std::move(value));
      }
      return std::move(elements).finish();
    }
    while (!take(']')) {
      auto value = read_value(depth + 1);
      if (!value) return value;
      elements.add(*std::move(value));
    }
    return std::move(elements).finish();
  }

  core::Result<DocumentValue> read_typed_array() {
    const char marker = left() == 0 ? '\0' : bytes_[at_];
    const std::size_t size = scalar_size(marker);
    if (size == 0 || marker == 'C') return fail("the number type of an array");
    ++at_;
    if (!take('#')) return fail("'#' after the type of an array");
    const auto count = read_count();
    if (!count || *count > left() / size) return fail("a count of elements that the file holds");
    const char* bytes = bytes_.data() + at_;
    at_ += *count * size;
    if (is_floating(marker)) {
      DocumentValue::Numbers numbers(*count);
      for (float& number : numbers) {
        number = number_at(marker, bytes);
        bytes += size;
      }
      return DocumentValue{std::move(numbers)};
    }
    DocumentValue::Integers integers(*count);
    for (std::int64_t& integer : integers) {
      integer = integer_at(marker, bytes);
      bytes += size;
    }
    return DocumentValue{std::move(integers)};
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

core::Result<DocumentValue> read_ubjson_document(std::string_view bytes) {
  return UbjsonReader(bytes).read_document();
}

}  // namespace tenure::learn
