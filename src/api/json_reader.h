#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tenure::api {

/// Reads a JSON text (RFC 8259) from front to back without building a tree: the caller asks for the
/// values it expects and skips the others. Unlike a tree it keeps the text of numbers, shows a key
/// that comes twice, and allocates nothing unless a string has escapes. Strict: valid UTF-8 only,
/// no comments, at most kDepthMax levels; NaN and the infinities only where the grammar says so.
///
///   reader.open_object();
///   while (reader.next_key(key)) { if (key == "id") id = reader.read_text(); else reader.skip(); }
///   if (!reader.finish()) ... reader.offset(), reader.reason()
///
/// After the first mistake every call does nothing and loops end. Views live as long as `text` and
/// `unescaped`.
class JsonReader {
 public:
  static constexpr int kDepthMax = 64;

  enum class Kind : std::uint8_t {
    kObject,
    kArray,
    kText,
    kNumber,
    kTrue,
    kFalse,
    kNull,
    kBad,  ///< no value: a mistake, or the end
  };

  enum class Grammar : std::uint8_t {
    kStrict,
    kPython,  ///< reads NaN, Infinity and -Infinity, which Python's json writes, as null
  };

  /// `unescaped` keeps strings that had escapes; it is cleared.
  JsonReader(std::string_view text, std::string& unescaped, Grammar grammar = Grammar::kStrict);

  Kind peek();  ///< of the value that comes next

  void open_object();                    ///< only when peek() says so, like all below
  bool next_key(std::string_view& key);  ///< false at the end of the object
  void open_array();
  bool next_item();  ///< false at the end of the array
  std::string_view read_text();
  std::string_view read_number();  ///< its digits as written: "-1.50e3"
  std::string_view skip();         ///< any value; its text as written

  const char* position() const { return at_; }  ///< after peek(): where the next value begins

  /// True when no mistake was found and nothing but blanks is left.
  bool finish();
  bool has_failed() const { return reason_ != nullptr; }
  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }
  std::string_view reason() const { return reason_ ? reason_ : ""; }

 private:
  void fail(const char* reason);
  void skip_blanks();
  void open();
  bool next(char end, const char* reason);
  bool skip_literal(std::string_view literal);
  void skip_null();
  bool skip_digits();
  bool read_escape();
  bool read_hex4(unsigned& code);
  void append_utf8(unsigned code);

  const char* begin_;
  const char* at_;
  const char* end_;
  std::string* unescaped_;
  Grammar grammar_;
  const char* reason_ = nullptr;
  int depth_ = 0;
  std::uint64_t has_items_ = 0;  ///< bit d: level d + 1 has had a value, so a comma comes next
};

}  // namespace tenure::api
