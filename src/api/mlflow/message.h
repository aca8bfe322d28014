#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "net/http_message.h"

namespace tenure::api::mlflow {

/// The fields of one MLflow request, from the query of a GET or from a JSON body, by the rules of
/// mlflow.md §1.2: null and absent are the same, int64 may be text, broken JSON is {}, unknown
/// fields are ignored. Errors: kInvalidArgument in the words of MLflow's server (mlflow.md §2.2).
/// Cheap to copy; nested messages share the memory of the outermost.
class Message {
 public:
  /// `repeated`: fields of a query that take all their occurrences. Errors: Content-Type of POST
  /// and PUT; a body that is no object; a query that is no UTF-8.
  static core::Result<Message> read(const net::Request& request,
                                    std::initializer_list<std::string_view> repeated = {});
  /// A nested message: an item of objects().
  explicit Message(core::JsonObject fields, std::string path = {});

  bool has(std::string_view name) const;                ///< present and not null
  core::Result<> require(std::string_view name) const;  ///< that it is present; may be empty
  /// "Missing value for required parameter 'name'. See the API docs ..." when absent or "".
  core::Result<std::string> required_text(std::string_view name) const;
  core::Result<std::string> text(std::string_view name) const;  ///< "" when absent
  core::Result<std::int64_t> required_integer(std::string_view name) const;
  core::Result<std::optional<std::int64_t>> integer(std::string_view name) const;
  core::Result<double> required_number(std::string_view name) const;  ///< "NaN", "Infinity" too
  core::Result<bool> boolean(std::string_view name, bool if_absent) const;
  /// Of an enumeration: names[n] may be given by name or as the number n; "" is no name.
  core::Result<std::optional<std::size_t>> choice(std::string_view name,
                                                  std::span<const std::string_view> names) const;
  core::Result<std::vector<std::string>> texts(std::string_view name) const;
  core::Result<std::vector<Message>> objects(std::string_view name) const;
  core::Result<Message> object(std::string_view name) const;  ///< empty when absent
  /// [{"key": ..., "value": ...}]; missing keys are named tags[0].key. The last of a key wins.
  core::Result<std::map<std::string, std::string>> pairs(std::string_view name) const;
  /// "run_id", or its old name "run_uuid".
  core::Result<std::string> required_run_id() const;

  const core::JsonObject& fields() const { return *fields_; }

 private:
  Message(std::shared_ptr<const core::JsonObject> fields, std::string path);
  const core::Json* find(std::string_view name) const;  ///< null: absent or null
  core::Result<const core::JsonArray*> array(std::string_view name) const;
  core::Error missing(std::string_view name) const;
  core::Error wrong_type(std::string_view name, const core::Json& value) const;
  std::string place(std::string_view name) const;  ///< "metrics[0].value"

  std::shared_ptr<const core::JsonObject> fields_;
  std::string path_;  ///< "metrics[0]" of a nested one
};

/// What a POST or PUT must say of its body. Errors: kInvalidArgument in MLflow's words.
core::Result<> check_content_type(std::string_view content_type);

/// `Invalid value 5 for parameter 'name' supplied:  Hint: Value was of type 'int'. See the ...`,
/// for values that have the right type and are out of range, too.
core::Error invalid_value(std::string_view parameter, const core::Json& value);

/// Status and body {"error_code", "message"} of MLflow (mlflow.md §2.1).
void answer_error(net::Response& out, const core::Error& error);
/// 200 with compact JSON.
void answer(net::Response& out, const core::JsonObject& body);

}  // namespace tenure::api::mlflow
