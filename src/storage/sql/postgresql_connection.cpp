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

core::Result<PostgresqlConnection::Statement*> PostgresqlConnection::find(std::string_view sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) return &found->second;
  if (sql.find_first_not_of(" \t\r\n;") == std::string_view::npos) {
    return core::Error{core::ErrorCode::kInvalidArgument, "database: the statement is empty"};
  }
  if (statements_.size() >= kStatementsMax) {
    if (auto freed = command("DEALLOCATE ALL"); !freed) return std::move(freed).error();
    statements_.clear();
  }
  PostgresqlStatement numbered = number_parameters(sql);
  Statement statement{std::move(numbered.text), numbered.parameter_count, {}};
  return &statements_.emplace(std::string(sql), std::move(statement)).first->second;
}

core::Result<const PostgresqlConnection::Prepared*> PostgresqlConnection::prepare_as(
    Statement& statement, const Types& types) {
  for (const auto& known : statement.prepared) {
    if (known.first == types) return &known.second;
  }
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

core::Result<const PostgresqlConnection::Prepared*> PostgresqlConnection::prepare(
    Statement& statement, std::span<const SqlValue> parameters) {
  Types types(parameters.size(), PostgresqlType::kUnknown);
  const bool is_first_time = statement.prepared.empty();
  // A failure to prepare would spoil an open transaction.
  const bool is_guarded = is_first_time && !parameters.empty() && in_transaction();
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
  }
  if (!prepared) return prepared;
  if (is_guarded) {
    if (auto released = command("RELEASE SAVEPOINT preparing"); !released)
      return std::move(released).error();
  }
  bool fits = true;
  for (std::size_t i = 0; i < parameters.size() && i < (*prepared)->parameters.size(); ++i) {
    if (fits_postgresql_type((*prepared)->parameters[i], parameters[i])) continue;
    types[i] = own_postgresql_type(parameters[i]);
    fits = false;
  }
  return fits ? prepared : prepare_as(statement, types);
}

core::Result<PostgresqlConnection::Reply> PostgresqlConnection::run(
    std::string_view sql, std::span<const SqlValue> parameters) {
  auto statement = find(sql);
  if (!statement) return std::move(statement).error();
  if (parameters.size() != (*statement)->parameter_count) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("database: the statement has {} parameters, {} were given",
                                   (*statement)->parameter_count, parameters.size())};
  }
  std::vector<TextParameter> texts;
  std::vector<const char*> values;
  texts.reserve(parameters.size());
  values.reserve(parameters.size());
  for (const SqlValue& value : parameters) {
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && text->find('\0') != std::string::npos) {
      return core::Error{core::ErrorCode::kInvalidArgument,
                         "database: a text holds a NUL, which PostgreSQL cannot keep"};
    }
    values.push_back(texts.emplace_back(value).get());
  }
  auto prepared = prepare(**statement, parameters);
  if (!prepared) return std::move(prepared).error();
  Reply reply(PQexecPrepared(connection_, (*prepared)->name.c_str(),
                             static_cast<int>(values.size()), values.data(), nullptr, nullptr,
                             (*prepared)->has_binary_rows ? 1 : 0));
  const ExecStatusType status = PQresultStatus(reply.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return error_of(reply.get());
  return reply;
}

core::Result<std::int64_t> PostgresqlConnection::execute(std::string_view sql,
                                                         std::span<const SqlValue> parameters) {
  auto reply = run(sql, parameters);
  if (!reply) return std::move(reply).error();
  const std::string_view changed = PQcmdTuples(reply->get());
  std::int64_t count = 0;
  std::from_chars(changed.data(), changed.data() + changed.size(), count);
  return count;
}

core::Result<> PostgresqlConnection::for_each(std::string_view sql,
                                              std::span<const SqlValue> parameters,
                                              const OnRow& on_row) {
  auto reply = run(sql, parameters);
  if (!reply) return std::move(reply).error();
  const pg_result* const result = reply->get();
  const int columns = PQnfields(result);
  Types types;
  for (int column = 0; column < columns; ++column) types.push_back(PQftype(result, column));
  const bool is_binary = PQbinaryTuples(result) != 0;
  std::vector<SqlCell> cells(types.size());
  const int rows = PQntuples(result);
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      const auto i = static_cast<std::size_t>(column);
      cells[i] = postgresql_cell(result, row, column, types[i], is_binary);
    }
    if (!on_row(SqlRowView(cells))) break;
  }
  return {};
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
