#include "storage/sql/postgresql_connection.h"

#include <array>
#include <charconv>
#include <poll.h>

#include <fmt/format.h>
#include <postgresql/libpq-fe.h>

#include "storage/sql/postgresql_parameters.h"
#include "storage/sql/postgresql_values.h"

namespace tenure::storage {
namespace {

// More distinct statements than the program has; a bound for statements made of variable lists.
constexpr std::size_t kStatementsMax = 256;

/// A parameter as PostgreSQL reads it from text; null for a null.
class TextParameter {
 public:
  explicit TextParameter(const SqlValue& value) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      text_ = text->c_str();
      return;
    }
    char* end = buffer_.data();
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      end = std::to_chars(buffer_.data(), buffer_.data() + buffer_.size() - 1, *integer).ptr;
    } else if (const auto* number = std::get_if<double>(&value)) {
      end = std::to_chars(buffer_.data(), buffer_.data() + buffer_.size() - 1, *number).ptr;
    } else {
      is_null_ = true;
    }
    *end = '\0';
  }
  const char* get() const {
    if (is_null_) return nullptr;
    return text_ != nullptr ? text_ : buffer_.data();
  }

 private:
  const char* text_ = nullptr;
  bool is_null_ = false;
  std::array<char, 32> buffer_{};  // the longest double has 24 characters
};

bool is_lost_state(std::string_view state) {
  return state.starts_with("08") || state == "57P01" || state == "57P02" || state == "57P03";
}

}  // namespace

void PostgresqlConnection::Clear::operator()(pg_result* result) const {
  PQclear(result);
}

/// A call that is ready to be sent.
struct PostgresqlConnection::BoundCall {
  Call* call;
  std::string name;  ///< of the prepared statement
  bool has_binary_rows;
  std::vector<TextParameter> texts;
  std::vector<const char*> values;  ///< into `texts`

  core::Result<> bind() {
    texts.reserve(call->parameters.size());
    values.reserve(call->parameters.size());
    for (const SqlValue& value : call->parameters) {
      const auto* text = std::get_if<std::string>(&value);
      if (text != nullptr && text->find('\0') != std::string::npos) {
        return core::Error{core::ErrorCode::kInvalidArgument,
                           "database: a text holds a NUL, which PostgreSQL cannot keep"};
      }
      values.push_back(texts.emplace_back(value).get());
    }
    return {};
  }
  int value_count() const { return static_cast<int>(values.size()); }
  int row_format() const { return has_binary_rows ? 1 : 0; }
};

core::Result<PostgresqlConnection::Statement*> PostgresqlConnection::find(const Call& call) {
  auto found = statements_.find(call.sql);
  if (found == statements_.end()) {
    if (call.sql.find_first_not_of(" \t\r\n;") == std::string_view::npos)
      return core::Error{core::ErrorCode::kInvalidArgument, "database: the statement is empty"};
    PostgresqlStatement numbered = number_parameters(call.sql);
    Statement statement;
    statement.text = std::move(numbered.text);
    statement.parameter_count = numbered.parameter_count;
    found = statements_.emplace(std::string(call.sql), std::move(statement)).first;
  }
  if (call.parameters.size() != found->second.parameter_count) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("database: the statement has {} parameters, {} were given",
                                   found->second.parameter_count, call.parameters.size())};
  }
  return &found->second;
}

/// The types to ask for, for a statement that was prepared before.
PostgresqlConnection::Types PostgresqlConnection::wanted_types(
    const Statement& statement, std::span<const SqlValue> parameters) {
  const Prepared& first = statement.prepared.front().second;
  Types types(parameters.size(), PostgresqlType::kUnknown);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const bool fits = !statement.needs_own_types && i < first.parameters.size() &&
                      fits_postgresql_type(first.parameters[i], parameters[i]);
    if (!fits) types[i] = own_postgresql_type(parameters[i]);
  }
  return types;
}

/// In the form for these parameters; nullptr when that is still to be made.
const PostgresqlConnection::Prepared* PostgresqlConnection::find_prepared(
    const Statement& statement, std::span<const SqlValue> parameters) {
  if (statement.prepared.empty()) return nullptr;
  const Types types = wanted_types(statement, parameters);
  for (const auto& known : statement.prepared) {
    if (known.first == types) return &known.second;
  }
  return nullptr;
}

core::Result<const PostgresqlConnection::Prepared*> PostgresqlConnection::prepare_as(
    Statement& statement, const Types& types) {
  Prepared prepared;
  prepared.name = fmt::format("t{}", ++names_given_);
  const Reply made(PQprepare(connection_, prepared.name.c_str(), statement.text.c_str(),
                             static_cast<int>(types.size()), types.data()));
  if (PQresultStatus(made.get()) != PGRES_COMMAND_OK) return error_of(made.get());
  const Reply described(PQdescribePrepared(connection_, prepared.name.c_str()));
  if (PQresultStatus(described.get()) != PGRES_COMMAND_OK) return error_of(described.get());
  for (int i = 0; i < PQnparams(described.get()); ++i)
    prepared.parameters.push_back(PQparamtype(described.get(), i));
  prepared.has_binary_rows = true;
  for (int i = 0; i < PQnfields(described.get()); ++i) {
    if (!has_binary_form(PQftype(described.get(), i))) prepared.has_binary_rows = false;
  }
  // The caller may hold a pointer to another entry no longer than this call.
  return &statement.prepared.emplace_back(types, std::move(prepared)).second;
}

/// Prepares a statement for the first time, without types if that can be.
core::Result<> PostgresqlConnection::prepare_first(Statement& statement,
                                                   std::span<const SqlValue> parameters) {
  Types types(parameters.size(), PostgresqlType::kUnknown);
  // A failure to prepare would spoil an open transaction.
  const bool is_guarded = !parameters.empty() && in_transaction();
  if (is_guarded) {
    if (auto set = command("SAVEPOINT preparing"); !set) return std::move(set).error();
  }
  auto prepared = prepare_as(statement, types);
  if (!prepared && (last_state_ == "42P18" || last_state_ == "42P08")) {
    // PostgreSQL finds no type, or several, for a parameter.
    if (is_guarded) {
      if (auto back = command("ROLLBACK TO SAVEPOINT preparing"); !back)
        return std::move(back).error();
    }
    for (std::size_t i = 0; i < types.size(); ++i) types[i] = own_postgresql_type(parameters[i]);
    prepared = prepare_as(statement, types);
    statement.needs_own_types = prepared.has_value();
  }
  if (!prepared) return std::move(prepared).error();
  if (!is_guarded) return {};
  if (auto released = command("RELEASE SAVEPOINT preparing"); !released)
    return std::move(released).error();
  return {};
}

core::Result<const PostgresqlConnection::Prepared*> PostgresqlConnection::prepare(
    Statement& statement, std::span<const SqlValue> parameters) {
  if (statement.prepared.empty()) {
    if (auto first = prepare_first(statement, parameters); !first) return std::move(first).error();
    if (const Prepared* const known = find_prepared(statement, parameters)) return known;
  }
  return prepare_as(statement, wanted_types(statement, parameters));
}

core::Result<> PostgresqlConnection::run_calls(std::span<Call> calls) {
  if (statements_.size() + calls.size() > kStatementsMax) {
    if (auto freed = command("DEALLOCATE ALL"); !freed) return std::move(freed).error();
    statements_.clear();
  }
  std::vector<BoundCall> ready;
  ready.reserve(calls.size());
  for (Call& call : calls) {
    auto statement = find(call);
    if (!statement) return std::move(statement).error();
    const Prepared* prepared = find_prepared(**statement, call.parameters);
    if (prepared == nullptr) {
      if (auto ran = run_trip(ready); !ran) return ran;
      ready.clear();
      auto made = prepare(**statement, call.parameters);
      if (!made) return std::move(made).error();
      prepared = *made;
    }
    BoundCall& bound =
        ready.emplace_back(BoundCall{&call, prepared->name, prepared->has_binary_rows, {}, {}});
    if (auto fits = bound.bind(); !fits) return fits;
  }
  return run_trip(ready);
}

core::Result<> PostgresqlConnection::run_alone(BoundCall& call) {
  const Reply reply(PQexecPrepared(connection_, call.name.c_str(), call.value_count(),
                                   call.values.data(), nullptr, nullptr, call.row_format()));
  return take_answer(reply.get(), *call.call);
}

/// Sends all, then collects the answers. After one that failed the others are told to be aborted.
/// An answer that did not come is null.
std::vector<PostgresqlConnection::Reply> PostgresqlConnection::exchange(
    std::span<const BoundCall> calls) {
  std::vector<Reply> replies(calls.size());
  bool is_sent = PQenterPipelineMode(connection_) == 1;
  for (const BoundCall& call : calls) {
    is_sent = is_sent &&
              PQsendQueryPrepared(connection_, call.name.c_str(), call.value_count(),
                                  call.values.data(), nullptr, nullptr, call.row_format()) == 1;
  }
  is_sent = is_sent && PQpipelineSync(connection_) == 1;
  for (std::size_t i = 0; i < calls.size() && is_sent; ++i) {
    replies[i].reset(PQgetResult(connection_));
    // Each answer ends with a null.
    while (PQstatus(connection_) == CONNECTION_OK && Reply(PQgetResult(connection_)) != nullptr) {
    }
  }
  while (is_sent && PQstatus(connection_) == CONNECTION_OK) {
    const Reply last(PQgetResult(connection_));
    if (last == nullptr || PQresultStatus(last.get()) == PGRES_PIPELINE_SYNC) break;
  }
  if (PQexitPipelineMode(connection_) == 0) is_broken_ = true;
  return replies;
}

core::Result<> PostgresqlConnection::run_trip(std::span<BoundCall> calls) {
  if (calls.empty()) return {};
  if (calls.size() == 1) return run_alone(calls.front());
  // Callbacks may throw: nothing is under way when they are called.
  const std::vector<Reply> replies = exchange(calls);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (auto taken = take_answer(replies[i].get(), *calls[i].call); !taken) return taken;
  }
  return {};
}

core::Result<> PostgresqlConnection::take_answer(pg_result* reply, Call& call) {
  const ExecStatusType status = PQresultStatus(reply);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return error_of(reply);
  call.is_answered = true;
  if (call.changed != nullptr) {
    const std::string_view changed = PQcmdTuples(reply);
    *call.changed = 0;
    std::from_chars(changed.data(), changed.data() + changed.size(), *call.changed);
  }
  if (call.on_row == nullptr) return {};
  const int columns = PQnfields(reply);
  Types types;
  for (int column = 0; column < columns; ++column) types.push_back(PQftype(reply, column));
  const bool is_binary = PQbinaryTuples(reply) != 0;
  std::vector<SqlCell> cells(types.size());
  const int rows = PQntuples(reply);
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      const auto i = static_cast<std::size_t>(column);
      cells[i] = postgresql_cell(reply, row, column, types[i], is_binary);
    }
    if (!(*call.on_row)(SqlRowView(cells))) break;
  }
  return {};
}

std::vector<PostgresqlConnection::Call> PostgresqlConnection::calls_of(
    std::span<SqlStatement> statements) {
  std::vector<Call> calls;
  calls.reserve(statements.size());
  for (SqlStatement& statement : statements) {
    calls.push_back({statement.sql, statement.parameters,
                     statement.on_row ? &statement.on_row : nullptr, &statement.changed});
  }
  return calls;
}

core::Result<std::int64_t> PostgresqlConnection::execute(std::string_view sql,
                                                         std::span<const SqlValue> parameters) {
  std::int64_t changed = 0;
  Call call{sql, parameters, nullptr, &changed};
  if (auto ran = run_calls(std::span(&call, 1)); !ran) return std::move(ran).error();
  return changed;
}

core::Result<> PostgresqlConnection::for_each(std::string_view sql,
                                              std::span<const SqlValue> parameters,
                                              const OnRow& on_row) {
  Call call{sql, parameters, &on_row};
  return run_calls(std::span(&call, 1));
}

core::Result<> PostgresqlConnection::run_all(std::span<SqlStatement> statements) {
  std::vector<Call> calls = calls_of(statements);
  return run_calls(calls);
}

core::Result<std::string> PostgresqlConnection::command(const char* statements) {
  const Reply reply(PQexec(connection_, statements));
  const ExecStatusType status = PQresultStatus(reply.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return error_of(reply.get());
  return std::string(PQcmdStatus(reply.get()));
}

core::Error PostgresqlConnection::error_of(const pg_result* reply) {
  const char* state = reply == nullptr ? nullptr : PQresultErrorField(reply, PG_DIAG_SQLSTATE);
  const char* what =
      reply == nullptr ? nullptr : PQresultErrorField(reply, PG_DIAG_MESSAGE_PRIMARY);
  last_state_ = state == nullptr ? "" : state;
  if (PQstatus(connection_) == CONNECTION_BAD || is_lost_state(last_state_)) {
    is_broken_ = true;
    return core::Error{core::ErrorCode::kUnavailable,
                       fmt::format("database: the connection to {} was lost{}{}", shown_,
                                   what == nullptr ? "" : ": ", what == nullptr ? "" : what)};
  }
  if (state == nullptr) {
    return core::Error{core::ErrorCode::kUnavailable,
                       fmt::format("database: {} gave no answer", shown_)};
  }
  return core::Error{postgresql_error_code(last_state_),
                     fmt::format("database: {}", what == nullptr ? last_state_ : what)};
}

bool PostgresqlConnection::is_alive() {
  // An idle server says nothing: what can be read is its farewell, or a notice.
  for (int i = 0; i < 3 && !is_broken_ && PQstatus(connection_) == CONNECTION_OK; ++i) {
    struct pollfd readable {
      PQsocket(connection_), POLLIN, 0
    };
    if (::poll(&readable, 1, 0) <= 0) return true;
    if (PQconsumeInput(connection_) == 0) is_broken_ = true;
  }
  return !is_broken_ && PQstatus(connection_) == CONNECTION_OK;
}

bool PostgresqlConnection::in_transaction() const {
  const PGTransactionStatusType status = PQtransactionStatus(connection_);
  return !is_broken_ && (status == PQTRANS_INTRANS || status == PQTRANS_INERROR);
}

bool PostgresqlConnection::is_spoiled() const {
  return PQtransactionStatus(connection_) == PQTRANS_INERROR;
}

}  // namespace tenure::storage
