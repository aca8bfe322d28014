#include "core/json.h"

#include <charconv>
#include <cmath>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <fmt/format.h>

namespace tenure::core {
namespace {

namespace bj = boost::json;

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char buffer[32];
  const auto [end, status] = std::to_chars(buffer, buffer + sizeof buffer, value);
  const std::string_view digits(buffer, static_cast<std::size_t>(end - buffer));
  out += digits;
  // Keep doubles doubles for readers that tell 1 from 1.0.
  if (digits.find_first_of(".e") == std::string_view::npos) out += ".0";
}

/// Writes `value`; a negative indent means compact.
void write(std::string& out, const bj::value& value, int indent, int level) {
  const auto new_line = [&](int at) {
    if (indent < 0) return;
    out += '\n';
    out.append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(at), ' ');
  };
  switch (value.kind()) {
    case bj::kind::object: {
      const bj::object& object = value.get_object();
      out += '{';
      bool first = true;
      for (const auto& member : object) {
        if (!first) out += ',';
        first = false;
        new_line(level + 1);
        out += bj::serialize(member.key());
        out += indent < 0 ? ":" : ": ";
        write(out, member.value(), indent, level + 1);
      }
      if (!object.empty()) new_line(level);
      out += '}';
      break;
    }
    case bj::kind::array: {
      const bj::array& array = value.get_array();
      out += '[';
      bool first = true;
      for (const bj::value& item : array) {
        if (!first) out += ',';
        first = false;
        new_line(level + 1);
        write(out, item, indent, level + 1);
      }
      if (!array.empty()) new_line(level);
      out += ']';
      break;
    }
    case bj::kind::double_:
      append_number(out, value.get_double());
      break;
    default:
      out += bj::serialize(value);
      break;
  }
}

/// Builds the value as Boost's own handler does, save for numbers with a fraction: Boost 1.81
/// rounds those up to one unit in the last place away from the number written, and models,
/// transformations and requests must come back to the same bits.
struct ExactHandler {
  // NOLINTBEGIN(readability-identifier-naming): the names Boost looks for
  static constexpr std::size_t max_object_size = bj::object::max_size();
  static constexpr std::size_t max_array_size = bj::array::max_size();
  static constexpr std::size_t max_key_size = bj::string::max_size();
  static constexpr std::size_t max_string_size = bj::string::max_size();
  // NOLINTEND(readability-identifier-naming)
  using Status = boost::system::error_code;
  using Text = bj::string_view;

  bj::value_stack stack;

  bool on_document_begin(Status&) { return true; }
  bool on_document_end(Status&) { return true; }
  bool on_object_begin(Status&) { return true; }
  bool on_object_end(std::size_t n, Status&) { return (stack.push_object(n), true); }
  bool on_array_begin(Status&) { return true; }
  bool on_array_end(std::size_t n, Status&) { return (stack.push_array(n), true); }
  bool on_key_part(Text text, std::size_t, Status&) { return (stack.push_chars(text), true); }
  bool on_key(Text text, std::size_t, Status&) { return (stack.push_key(text), true); }
  bool on_string_part(Text text, std::size_t, Status&) { return (stack.push_chars(text), true); }
  bool on_string(Text text, std::size_t, Status&) { return (stack.push_string(text), true); }
  bool on_number_part(Text, Status&) { return true; }
  bool on_int64(std::int64_t number, Text, Status&) { return (stack.push_int64(number), true); }
  bool on_uint64(std::uint64_t number, Text, Status&) { return (stack.push_uint64(number), true); }
  bool on_double(double rounded, Text text, Status& status) {
    // The whole text is one buffer, so `text` is the whole number. Out of float64's range
    // from_chars leaves the value alone: too small is Boost's zero, too large is no number.
    double exact = rounded;
    std::from_chars(text.data(), text.data() + text.size(), exact);
    if (!std::isfinite(exact)) {
      status = bj::error::exponent_overflow;
      return false;
    }
    stack.push_double(exact);
    return true;
  }
  bool on_bool(bool truth, Status&) { return (stack.push_bool(truth), true); }
  bool on_null(Status&) { return (stack.push_null(), true); }
  bool on_comment_part(Text, Status&) { return true; }
  bool on_comment(Text, Status&) { return true; }
};

Error wrong_member(std::string_view key, std::string_view expected, const Json* found) {
  return Error{ErrorCode::kInvalidArgument,
               found ? fmt::format("'{}' should be {}, but is {}", key, expected,
                                   std::string_view(bj::to_string(found->kind())))
                     : fmt::format("'{}' is missing; expected {}", key, expected)};
}

const Json* find_member(const Json& object, std::string_view key) {
  const JsonObject* members = object.if_object();
  return members ? members->if_contains(key) : nullptr;
}

}  // namespace

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
  bj::parse_options options;
  options.max_depth = limits.depth_max;
  bj::basic_parser<ExactHandler> parser(options);
  parser.handler().stack.reset();
  boost::system::error_code status;
  const std::size_t consumed = parser.write_some(false, text.data(), text.size(), status);
  std::size_t offset = consumed;
  if (!status) {
    offset = text.find_first_not_of(" \t\r\n", consumed);
    if (offset != std::string_view::npos) status = bj::error::extra_data;
  }
  if (status) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("invalid JSON at byte {}: {}", offset, status.message())};
  }
  return parser.handler().stack.release();
}

std::string to_text(const Json& value) {
  std::string out;
  write(out, value, -1, 0);
  return out;
}

std::string to_pretty_text(const Json& value) {
  std::string out;
  write(out, value, 2, 0);
  out += '\n';
  return out;
}

Result<std::string> json_text(const Json& object, std::string_view key) {
  const Json* found = find_member(object, key);
  if (!found || !found->is_string()) return wrong_member(key, "a string", found);
  return std::string(found->get_string());
}

Result<std::int64_t> json_integer(const Json& object, std::string_view key) {
  const Json* found = find_member(object, key);
  if (!found || !found->is_int64()) return wrong_member(key, "an integer", found);
  return found->get_int64();
}

Result<double> json_number(const Json& object, std::string_view key) {
  const Json* found = find_member(object, key);
  if (!found || !found->is_number()) return wrong_member(key, "a number", found);
  return found->to_number<double>();
}

Result<bool> json_boolean(const Json& object, std::string_view key) {
  const Json* found = find_member(object, key);
  if (!found || !found->is_bool()) return wrong_member(key, "true or false", found);
  return found->get_bool();
}

Result<const JsonArray*> json_array(const Json& object, std::string_view key) {
  const Json* found = find_member(object, key);
  if (!found || !found->is_array()) return wrong_member(key, "an array", found);
  return &found->get_array();
}

Result<const JsonObject*> json_object(const Json& object, std::string_view key) {
  const Json* found = find_member(object, key);
  if (!found || !found->is_object()) return wrong_member(key, "an object", found);
  return &found->get_object();
}

}  // namespace tenure::core
