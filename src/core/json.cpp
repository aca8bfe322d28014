#include "core/json.h"

#include <charconv>
#include <cmath>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <fmt/format.h>

namespace tenure::core {
namespace {

namespace bj = boost::json;

/// Builds values from the parser's events. Boost 1.81 computes doubles with an error of up to one
/// unit in the last place; here they are read exactly, so that what to_text wrote comes back to the
/// bit.
struct ExactHandler {
  static constexpr std::size_t max_object_size = bj::object::max_size();
  static constexpr std::size_t max_array_size = bj::array::max_size();
  static constexpr std::size_t max_key_size = bj::string::max_size();
  static constexpr std::size_t max_string_size = bj::string::max_size();
  using Status = boost::system::error_code;
  using Text = bj::string_view;

  bj::value_stack stack;
  std::string number;  ///< the parts of a number seen so far

  bool on_document_begin(Status&) {
    stack.reset();
    return true;
  }
  bool on_document_end(Status&) { return true; }
  bool on_object_begin(Status&) { return true; }
  bool on_object_end(std::size_t n, Status&) {
    stack.push_object(n);
    return true;
  }
  bool on_array_begin(Status&) { return true; }
  bool on_array_end(std::size_t n, Status&) {
    stack.push_array(n);
    return true;
  }
  bool on_key_part(Text text, std::size_t, Status&) {
    stack.push_chars(text);
    return true;
  }
  bool on_key(Text text, std::size_t, Status&) {
    stack.push_key(text);
    return true;
  }
  bool on_string_part(Text text, std::size_t, Status&) {
    stack.push_chars(text);
    return true;
  }
  bool on_string(Text text, std::size_t, Status&) {
    stack.push_string(text);
    return true;
  }
  bool on_number_part(Text text, Status&) {
    number += text;
    return true;
  }
  bool on_int64(std::int64_t value, Text, Status&) {
    number.clear();
    stack.push_int64(value);
    return true;
  }
  bool on_uint64(std::uint64_t value, Text, Status&) {
    number.clear();
    stack.push_uint64(value);
    return true;
  }
  bool on_double(double approximate, Text text, Status& status) {
    number += text;
    double exact = 0;
    const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), exact);
    number.clear();
    if (code == std::errc::result_out_of_range) {
      // Too small is zero; too large is no number that JSON could hold.
      if (std::abs(approximate) > 1) {
        status = bj::error::exponent_overflow;
        return false;
      }
      exact = std::copysign(0.0, approximate);
    }
    stack.push_double(exact);
    return true;
  }
  bool on_bool(bool value, Status&) {
    stack.push_bool(value);
    return true;
  }
  bool on_null(Status&) {
    stack.push_null();
    return true;
  }
  bool on_comment_part(Text, Status&) { return true; }
  bool on_comment(Text, Status&) { return true; }
};

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
    out.append(static_cast<std::size_t>(indent * at), ' ');
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
