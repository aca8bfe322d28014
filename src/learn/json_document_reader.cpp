// Boost.JSON, the JSON of the rest of the program, refuses NaN and reads numbers as double; a model
// needs NaN, and float32 rounded once. Hence this small reader, for model files only.

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "learn/model_document.h"

namespace tenure::learn {
namespace {

class JsonReader {
 public:
  explicit JsonReader(std::string_view bytes) : bytes_(bytes) {}

  core::Result<DocumentValue> read_document() {
    auto value = read_value(0);
    if (!value) return value;
    skip_blanks();
    if (at_ != bytes_.size()) return fail("the end of the text");
    return value;
  }

 private:
  core::Error fail(std::string_view expected) const {
    return core::Error{core::ErrorCode::kCorruption,
                       fmt::format("JSON, byte {}: expected {}", at_, expected)};
  }

  void skip_blanks() {
    while (at_ < bytes_.size() && (bytes_[at_] == ' ' || bytes_[at_] == '\n' ||
                                   bytes_[at_] == '\r' || bytes_[at_] == '\t')) {
      ++at_;
    }
  }

  bool take(char wanted) {
    skip_blanks();
    if (at_ == bytes_.size() || bytes_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  bool take_word(std::string_view word) {
    if (bytes_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  core::Result<DocumentValue> read_value(int depth) {
    skip_blanks();
    if (at_ == bytes_.size()) return fail("a value");
    if (depth > kDocumentDepthMax) return fail("less nesting");
    switch (bytes_[at_]) {
      case '{':
        return read_object(depth);
      case '[':
        return read_array(depth);
      case '"': {
        auto text = read_text();
        if (!text) return std::move(text).error();
        return DocumentValue{*std::move(text)};
      }
      case 't':
        if (take_word("true")) return DocumentValue{true};
        break;
      case 'f':
        if (take_word("false")) return DocumentValue{false};
        break;
      case 'n':
        if (take_word("null")) return DocumentValue{};
        break;
      default:
        return read_number();
    }
    return fail("a value");
  }

  core::Result<DocumentValue> read_object(int depth) {
    ++at_;
    DocumentValue::Object members;
    if (take('}')) return DocumentValue{std::move(members)};
    do {
      skip_blanks();
      if (at_ == bytes_.size() || bytes_[at_] != '"') return fail("a name in quotes");
      auto name = read_text();
      if (!name) return std::move(name).error();
      if (!take(':')) return fail("':'");
      auto value = read_value(depth + 1);
      if (!value) return value;
      members.names.push_back(*std::move(name));
      members.values.push_back(*std::move(value));
    } while (take(','));
    if (!take('}')) return fail("',' or '}'");
    return DocumentValue{std::move(members)};
  }

  core::Result<DocumentValue> read_array(int depth) {
    ++at_;
    ArrayCollector elements;
    if (take(']')) return std::move(elements).finish();
    do {
      auto value = read_value(depth + 1);
      if (!value) return value;
      elements.add(*std::move(value));
    } while (take(','));
    if (!take(']')) return fail("',' or ']'");
    return std::move(elements).finish();
  }

  core::Result<DocumentValue> read_number() {
    if (take_word("NaN")) return DocumentValue{std::numeric_limits<float>::quiet_NaN()};
    if (take_word("Infinity")) return DocumentValue{std::numeric_limits<float>::infinity()};
    if (take_word("-Infinity")) return DocumentValue{-std::numeric_limits<float>::infinity()};
    std::size_t end = at_;
    bool is_integer = true;
    while (end < bytes_.size()) {
      const char c = bytes_[end];
      if (c == '.' || c == 'e' || c == 'E') {
        is_integer = false;
      } else if (c != '-' && c != '+' && (c < '0' || c > '9')) {
        break;
      }
      ++end;
    }
    const char* const first = bytes_.data() + at_;
    const char* const last = bytes_.data() + end;
    if (is_integer) {
      std::int64_t integer = 0;
      const auto read = std::from_chars(first, last, integer);
      if (read.ec == std::errc{} && read.ptr == last) {
        at_ = end;
        return DocumentValue{integer};
      }
    }
    float number = 0;
    const auto read = std::from_chars(first, last, number);
    if (read.ptr != last || read.ec == std::errc::invalid_argument) return fail("a value");
    if (read.ec == std::errc::result_out_of_range) number = out_of_range(first, last);
    at_ = end;
    return DocumentValue{number};
  }

  /// from_chars reports both too large and too small; strtof says which, and rounds either.
  static float out_of_range(const char* first, const char* last) {
    return std::strtof(std::string(first, last).c_str(), nullptr);
  }

  core::Result<std::string> read_text() {
    ++at_;
    std::string text;
    while (at_ < bytes_.size()) {
      const char c = bytes_[at_++];
      if (c == '"') return text;
      if (c != '\\') {
        text += c;
        continue;
      }
      if (at_ == bytes_.size()) break;
      if (!read_escape(text)) return fail("an escape sequence of JSON");
    }
    return fail("the closing quote of a text");
  }

  bool read_escape(std::string& text) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char c = bytes_[at_++];
    if (const std::size_t i = kNames.find(c); i != std::string_view::npos) {
      text += kMeanings[i];
      return true;
    }
    std::uint32_t code = 0;
    if (c != 'u' || !read_hex(code)) return false;
    if (code >= 0xD800 && code < 0xDC00) {
      std::uint32_t low = 0;
      if (!take_word("\\u") || !read_hex(low) || low < 0xDC00 || low > 0xDFFF) return false;
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
      return false;
    }
    append_utf8(code, text);
    return true;
  }

  bool read_hex(std::uint32_t& code) {
    if (bytes_.size() - at_ < 4) return false;
    const char* const first = bytes_.data() + at_;
    const auto read = std::from_chars(first, first + 4, code, 16);
    if (read.ec != std::errc{} || read.ptr != first + 4) return false;
    at_ += 4;
    return true;
  }

  static void append_utf8(std::uint32_t code, std::string& text) {
    const auto tail = [&](int shift) {
      text += static_cast<char>(0x80 | ((code >> shift) & 0x3F));
    };
    if (code < 0x80) {
      text += static_cast<char>(code);
    } else if (code < 0x800) {
      text += static_cast<char>(0xC0 | (code >> 6));
      tail(0);
    } else if (code < 0x10000) {
      text += static_cast<char>(0xE0 | (code >> 12));
      tail(6);
      tail(0);
    } else {
      text += static_cast<char>(0xF0 | (code >> 18));
      tail(12);
      tail(6);
      tail(0);
    }
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

core::Result<DocumentValue> read_json_document(std::string_view bytes) {
  return JsonReader(bytes).read_document();
}

}  // namespace tenure::learn
