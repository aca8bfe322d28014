#pragma once

#include <cstdint>
#include <map>
#include <optional>
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
class Message {
 public:
  /// `repeated`: fields of a query that take all their occurrences. Errors: Content-Type of POST
  /// and PUT; a body that is no object.
  static core::Result<Message> read(const net::Request& request,
                                    std::initializer_list<std::string_view> repeated = {});
  /// A nested message: an item of objects().
  explicit Message(core::JsonObject fields, std::string path = {});

  bool has(std::string_view name) const;  ///< present and not null
  /// "Missing value for required parameter 'name'. See the API docs ..." when absent or "".
  core::Result<std::string> required_text(std::string_view name) const;
  core::Result<std::string> text(std::string_view name) const;  ///< "" when absent
  core::Result<std::int64_t> required_integer(std::string_view name) const;
  core::Result<std::optional<std::int64_t>> integer(std::string_view name) const;
  core::Result<double> required_number(std::string_view name) const;  ///< "NaN", "Infinity" too
  core::Result<bool> boolean(std::string_view name, bool if_absent) const;
  core::Result<std::vector<std::string>> texts(std::string_view name) const;
  core::Result<std::vector<Message>> objects(std::string_view name) const;
  core::Result<Message> object(std::string_view name) const;  ///< empty when absent
  /// [{"key": ..., "value": ...}]; missing keys are named tags[0].key.
  core::Result<std::map<std::string, std::string>> pairs(std::string_view name) const;
  /// "run_id", or its old name "run_uuid".
  core::Result<std::string> required_run_id() const;

  const core::JsonObject& fields() const { return fields_; }

 private:
  core::JsonObject fields_;
  std::string path_;  ///< "metrics[0]" of a nested one
};

/// Status and body {"error_code", "message"} of MLflow (mlflow.md §2.1).
void answer_error(net::Response& out, const core::Error& error);
/// 200 with compact JSON.
void answer(net::Response& out, const core::JsonObject& body);

}  // namespace tenure::api::mlflow
