#pragma once

#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>

#include "core/result.h"

namespace tenure::core {

/// JSON is Boost.JSON everywhere; this header is the only place that names it.
using Json = boost::json::value;
using JsonObject = boost::json::object;
using JsonArray = boost::json::array;

/// Limits that keep hostile text from exhausting memory or stack.
struct JsonLimits {
  std::size_t depth_max = 64;
};

/// Parses a whole text. Numbers without fraction become int64 or uint64, others double; NaN and
/// Infinity are refused, as RFC 8259 says. Errors: kInvalidArgument with the byte offset and the
/// reason.
Result<Json> parse_json(std::string_view text, JsonLimits limits = {});

/// Compact text. Doubles are printed in their shortest form that reads back to the same bits; NaN
/// and infinities, which JSON lacks, are printed as null.
std::string to_text(const Json& value);

/// Indented by two blanks, for files that people read.
std::string to_pretty_text(const Json& value);

/// The member `key` of an object as T, or an error that names the key and what was expected.
/// Errors: kInvalidArgument when `object` is no object, the key is missing, or the type is another.
Result<std::string> json_text(const Json& object, std::string_view key);
Result<std::int64_t> json_integer(const Json& object, std::string_view key);
Result<double> json_number(const Json& object, std::string_view key);  ///< integers are numbers too
Result<bool> json_boolean(const Json& object, std::string_view key);
Result<const JsonArray*> json_array(const Json& object, std::string_view key);    ///< borrowed
Result<const JsonObject*> json_object(const Json& object, std::string_view key);  ///< borrowed

}  // namespace tenure::core
