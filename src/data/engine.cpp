#include "data/engine.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <duckdb.h>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "core/file.h"
#include "core/id.h"
#include "core/utf8.h"
#include "data/cancel_watch.h"
#include "data/duckdb_columns.h"
#include "data/duckdb_error.h"
#include "data/duckdb_function.h"

namespace tenure::data {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

/// Owns a handle of the C API; `Destroy` takes a pointer to it and sets it to null.
template <typename Handle, void (*Destroy)(Handle*)>
class Owned {
 public:
  Owned() = default;
  explicit Owned(Handle handle) : handle_(handle) {}
  ~Owned() { reset(); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Handle get() const { return handle_; }
  Handle* out() { return &handle_; }
  void reset() {
    if (handle_ != nullptr) Destroy(&handle_);
    handle_ = nullptr;
  }

 private:
  Handle handle_ = nullptr;
};

using Database = Owned<duckdb_database, duckdb_close>;
using Connection = Owned<duckdb_connection, duckdb_disconnect>;
using Settings = Owned<duckdb_config, duckdb_destroy_config>;
using Statements = Owned<duckdb_extracted_statements, duckdb_destroy_extracted>;
using Prepared = Owned<duckdb_prepared_statement, duckdb_destroy_prepare>;
using Pending = Owned<duckdb_pending_result, duckdb_destroy_pending>;
using Chunk = Owned<duckdb_data_chunk, duckdb_destroy_data_chunk>;
using LogicalType = Owned<duckdb_logical_type, duckdb_destroy_logical_type>;

void destroy_appender(duckdb_appender* appender) {
  duckdb_appender_destroy(appender);
}
using Appender = Owned<duckdb_appender, destroy_appender>;

class Answer {
 public:
  Answer() = default;
  ~Answer() { duckdb_destroy_result(&result_); }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  duckdb_result* get() { return &result_; }

 private:
  duckdb_result result_{};
};

/// "18.7 GiB", as DuckDB writes sizes; infinity for what is none.
double bytes_of(const std::string& size) {
  constexpr std::array kUnits = std::to_array<std::pair<std::string_view, double>>(
      {{"bytes", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}});
  const auto blank = size.find(' ');
  if (blank != std::string::npos)
    for (const auto& [name, power] : kUnits)
      if (std::string_view(size).substr(blank + 1) == name)
        return std::strtod(size.c_str(), nullptr) * std::exp2(power);
  return std::numeric_limits<double>::infinity();
}

/// Without blanks and semicolons at the end, so that it can stand in parentheses.
std::string_view trimmed_statement(std::string_view sql) {
  const std::size_t last = sql.find_last_not_of(" \t\r\n;");
  return last == std::string_view::npos ? std::string_view() : sql.substr(0, last + 1);
}

}  // namespace

struct Engine::State {
  Database database;
  Connection connection;
  std::filesystem::path spill_folder;
  /// Grows with every interrupt(). DuckDB forgets an interrupt that arrives while it prepares a
  /// statement; comparing this number right before execution does not.
  std::atomic<std::uint64_t> interrupts{0};
  const std::atomic<bool>* is_cancelled = nullptr;
  std::optional<CancelWatch> watch;

  ~State() {
    watch.reset();
    connection.reset();
    database.reset();
    std::error_code ignored;
    std::filesystem::remove_all(spill_folder, ignored);
  }

  bool has_ended() const { return is_cancelled != nullptr && is_cancelled->load(); }
  void interrupt() {
    interrupts.fetch_add(1);
    duckdb_interrupt(connection.get());
  }

  enum class Fetch { kWhole, kStreaming };
  Result<> run(duckdb_prepared_statement prepared, std::uint64_t interrupts_before, Answer& answer,
               Fetch fetch = Fetch::kWhole);
  Result<> execute_each(std::string_view sql);
  Result<Table> query(std::string_view sql, std::optional<std::size_t> row_limit = {});
  Result<> prepare_query(std::string_view sql, Prepared& prepared);
  Result<> append(const std::string& name, const Table& rows);
};

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::open(const EngineOptions& options) {
  auto state = std::make_unique<State>();
  // A folder of its own: DuckDB clears what it finds in its folder when it opens.
  std::error_code status;
  const auto temporary =
      options.temporary.empty() ? std::filesystem::temp_directory_path(status) : options.temporary;
  if (status)
    return core::system_error(status.value(), "cannot find the folder", "for temporaries");
  state->spill_folder = temporary / ("tenure-sql-" + core::random_hex_id().substr(0, 16));

  std::vector<std::pair<const char*, std::string>> settings = {
      {"autoinstall_known_extensions", "false"}, {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},   {"errors_as_json", "false"},
      {"preserve_insertion_order", "true"},      {"temp_directory", state->spill_folder.string()},
  };
  if (options.memory_limit_bytes > 0)
    settings.emplace_back("memory_limit", fmt::format("{}B", options.memory_limit_bytes));
  if (options.threads > 0) settings.emplace_back("threads", fmt::format("{}", options.threads));

  Settings config;
  if (duckdb_create_config(config.out()) != DuckDBSuccess)
    return Error{ErrorCode::kInternal, "the SQL engine could not be set up"};
  for (const auto& [name, value] : settings)
    if (duckdb_set_config(config.get(), name, value.c_str()) != DuckDBSuccess)
      return Error{ErrorCode::kInternal,
                   fmt::format("the SQL engine refuses the setting {}={}", name, value)};

  char* message = nullptr;
  if (duckdb_open_ext(options.path.empty() ? nullptr : options.path.c_str(), state->database.out(),
                      config.get(), &message) != DuckDBSuccess) {
    Error error = engine_error(message);
    duckdb_free(message);
    return std::move(error).within(options.path.empty()
                                       ? "cannot open the SQL engine"
                                       : fmt::format("cannot open the database {}", options.path));
  }
  if (duckdb_connect(state->database.get(), state->connection.out()) != DuckDBSuccess)
    return Error{ErrorCode::kInternal, "cannot connect to the SQL engine"};

  std::unique_ptr<Engine> engine(new Engine(std::move(state)));  // the constructor is private
  if (auto set = engine->execute("SET TimeZone='UTC'"); !set) return std::move(set).error();
  if (options.memory_limit_bytes == 0)
    if (auto set = engine->limit_memory(); !set) return std::move(set).error();
  if (options.is_cancelled != nullptr) {
    State& opened = *engine->state_;
    opened.is_cancelled = options.is_cancelled;
    opened.watch.emplace(*options.is_cancelled, [&opened] { opened.interrupt(); });
  }
  return engine;
}

/// DuckDB's own default takes nearly all memory before anything is spilled, which a program beside
/// others must not do. That default is kept where it is lower: it knows the limit of a container.
Result<> Engine::limit_memory() {
  constexpr std::int64_t kBase = std::int64_t{1} << 30;
  constexpr std::int64_t kPerThread = std::int64_t{256} << 20;
  auto threads = query_integer("SELECT current_setting('threads')::BIGINT");
  if (!threads) return std::move(threads).error();
  auto current = query_text("SELECT current_setting('memory_limit')");
  if (!current) return std::move(current).error();
  const std::int64_t wanted = kBase + *threads * kPerThread;
  if (bytes_of(*current) <= static_cast<double>(wanted)) return {};
  return execute(fmt::format("SET memory_limit='{}B'", wanted));
}

Result<> Engine::State::run(duckdb_prepared_statement prepared, std::uint64_t interrupts_before,
                            Answer& answer, Fetch fetch) {
  if (has_ended()) return cancelled();
  Pending pending;
  const auto made = fetch == Fetch::kStreaming
                        ? duckdb_pending_prepared_streaming(prepared, pending.out())
                        : duckdb_pending_prepared(prepared, pending.out());
  if (made != DuckDBSuccess) return engine_error(duckdb_pending_error(pending.get()));
  // From here on DuckDB itself remembers an interrupt. One that it has forgotten is repeated:
  // to give the statement up without it would first work off the tasks that are under way.
  if (interrupts.load() != interrupts_before || has_ended()) duckdb_interrupt(connection.get());
  if (duckdb_execute_pending(pending.get(), answer.get()) != DuckDBSuccess)
    return engine_error(duckdb_result_error(answer.get()));
  return {};
}

Result<> Engine::State::execute_each(std::string_view sql) {
  if (sql.find('\0') != std::string_view::npos)
    return Error{ErrorCode::kInvalidArgument, "SQL text may not hold a zero byte"};
  const std::uint64_t interrupts_before = interrupts.load();
  Statements statements;
  const idx_t count =
      duckdb_extract_statements(connection.get(), std::string(sql).c_str(), statements.out());
  if (const char* message = duckdb_extract_statements_error(statements.get()); message != nullptr)
    return engine_error(message);
  for (idx_t i = 0; i < count; ++i) {
    Prepared prepared;
    if (duckdb_prepare_extracted_statement(connection.get(), statements.get(), i, prepared.out()) !=
        DuckDBSuccess)
      return engine_error(duckdb_prepare_error(prepared.get()));
    Answer answer;
    if (auto done = run(prepared.get(), interrupts_before, answer); !done) return done;
  }
  return {};
}

Result<> Engine::State::prepare_query(std::string_view sql, Prepared& prepared) {
  if (sql.find('\0') != std::string_view::npos)
    return Error{ErrorCode::kInvalidArgument, "SQL text may not hold a zero byte"};
  if (duckdb_prepare(connection.get(), std::string(sql).c_str(), prepared.out()) != DuckDBSuccess)
    return engine_error(duckdb_prepare_error(prepared.get()));
  return {};
}

Result<Table> Engine::State::query(std::string_view sql, std::optional<std::size_t> row_limit) {
  const std::uint64_t interrupts_before = interrupts.load();
  Prepared prepared;
  if (auto ready = prepare_query(sql, prepared); !ready) return std::move(ready).error();

  // Types without a reader (lists, intervals, UUIDs, ...) are made text by the engine itself, which
  // knows how to write them.
  const idx_t width = duckdb_prepared_statement_column_count(prepared.get());
  std::string names;
  std::string values;
  bool has_foreign = false;
  for (idx_t i = 0; i < width; ++i) {
    const duckdb_type type = duckdb_prepared_statement_column_type(prepared.get(), i);
    const bool is_foreign = !is_readable_type(type) && type != DUCKDB_TYPE_INVALID;
    has_foreign = has_foreign || is_foreign;
    const char* title = duckdb_prepared_statement_column_name(prepared.get(), i);
    const std::string_view comma = i == 0 ? "" : ", ";
    names += fmt::format("{}c{}", comma, i);
    values += fmt::format("{}c{}{} AS {}", comma, i, is_foreign ? "::VARCHAR" : "",
                          quote_identifier(title == nullptr ? "" : title));
    duckdb_free(const_cast<char*>(title));
  }
  if (has_foreign) {
    prepared.reset();
    // The line break ends a comment at the end of the query.
    const auto wrapped =
        fmt::format("SELECT {} FROM ({}\n) AS answer({})", values, trimmed_statement(sql), names);
    if (auto ready = prepare_query(wrapped, prepared); !ready) return std::move(ready).error();
  }

  Answer answer;
  if (auto done = run(prepared.get(), interrupts_before, answer,
                      row_limit ? Fetch::kStreaming : Fetch::kWhole);
      !done)
    return std::move(done).error();
  std::vector<std::unique_ptr<ColumnReader>> readers;
  for (idx_t i = 0; i < duckdb_column_count(answer.get()); ++i) {
    const LogicalType type(duckdb_column_logical_type(answer.get(), i));
    const char* title = duckdb_column_name(answer.get(), i);
    auto reader = ColumnReader::make(title, type.get());
    if (!reader)
      return Error{ErrorCode::kUnimplemented,
                   fmt::format("column '{}' has a type that cannot be read; cast it", title)};
    readers.push_back(std::move(reader));
  }
  idx_t left = row_limit ? *row_limit : std::numeric_limits<idx_t>::max();
  while (left > 0) {
    const Chunk chunk(duckdb_fetch_chunk(*answer.get()));
    if (chunk.get() == nullptr) break;
    const idx_t rows = std::min(left, duckdb_data_chunk_get_size(chunk.get()));
    if (rows == 0) break;
    left -= rows;
    for (idx_t i = 0; i < readers.size(); ++i)
      if (auto read = readers[i]->append(duckdb_data_chunk_get_vector(chunk.get(), i), rows); !read)
        return std::move(read).error();
  }
  if (const char* message = duckdb_result_error(answer.get()); message != nullptr)
    return engine_error(message);
  Table table;
  table.columns.reserve(readers.size());
  for (auto& reader : readers) table.columns.push_back(reader->take());
  return table;
}

Result<> Engine::execute(std::string_view sql) {
  return state_->execute_each(sql);
}

Result<Table> Engine::query(std::string_view sql) {
  return state_->query(sql);
}

Result<Table> Engine::query(std::string_view sql, std::size_t row_limit) {
  return state_->query(sql, row_limit);
}

namespace {

Result<> check_scalar(const Table& answer, std::string_view sql) {
  if (answer.columns.size() == 1 && answer.row_count() == 1 && !answer.columns[0].is_null(0))
    return {};
  return Error{ErrorCode::kInternal,
               fmt::format("expected one value, got {} rows of {} columns{}: {}",
                           answer.row_count(), answer.columns.size(),
                           answer.row_count() == 1 ? " or a missing value" : "", sql)};
}

}  // namespace

Result<std::int64_t> Engine::query_integer(std::string_view sql) {
  auto answer = state_->query(sql);
  if (!answer) return std::move(answer).error();
  if (auto checked = check_scalar(*answer, sql); !checked) return std::move(checked).error();
  const Column& column = answer->columns[0];
  if (column.type == ColumnType::kBoolean) return static_cast<std::int64_t>(column.number(0));
  if (const auto* values = std::get_if<std::vector<std::int64_t>>(&column.values))
    return values->front();
  return Error{ErrorCode::kInternal,
               fmt::format("expected an integer, got {}: {}", column_type_name(column.type), sql)};
}

Result<std::string> Engine::query_text(std::string_view sql) {
  auto answer = state_->query(sql);
  if (!answer) return std::move(answer).error();
  if (auto checked = check_scalar(*answer, sql); !checked) return std::move(checked).error();
  return answer->columns[0].display(0);
}

namespace {

Result<> check_rows(const Table& rows) {
  if (rows.columns.empty())
    return Error{ErrorCode::kInvalidArgument, "a table needs at least one column"};
  for (const Column& column : rows.columns) {
    if (column.size() != rows.row_count() ||
        (!column.valid.empty() && column.valid.size() != column.size()))
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("column '{}' has {} values, column '{}' has {}", column.name,
                               column.size(), rows.columns.front().name, rows.row_count())};
    const auto* texts = std::get_if<TextValues>(&column.values);
    if (texts == nullptr) continue;
    for (const std::string& text : texts->dictionary)
      if (!core::is_utf8(text))
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("column '{}' holds text that is not UTF-8", column.name)};
  }
  return {};
}

}  // namespace

Result<> Engine::State::append(const std::string& name, const Table& rows) {
  Appender appender;
  if (duckdb_appender_create(connection.get(), nullptr, name.c_str(), appender.out()) !=
      DuckDBSuccess)
    return engine_error(duckdb_appender_error(appender.get()));
  std::vector<duckdb_logical_type> types;
  for (const Column& column : rows.columns)
    types.push_back(duckdb_create_logical_type(engine_type(column.type)));
  const Chunk chunk(duckdb_create_data_chunk(types.data(), types.size()));
  for (duckdb_logical_type& type : types) duckdb_destroy_logical_type(&type);

  const std::size_t step = duckdb_vector_size();
  for (std::size_t first = 0; first < rows.row_count(); first += step) {
    const std::size_t count = std::min(step, rows.row_count() - first);
    duckdb_data_chunk_reset(chunk.get());
    for (std::size_t i = 0; i < rows.columns.size(); ++i)
      write_vector(rows.columns[i], first, count, duckdb_data_chunk_get_vector(chunk.get(), i));
    duckdb_data_chunk_set_size(chunk.get(), count);
    if (duckdb_append_data_chunk(appender.get(), chunk.get()) != DuckDBSuccess)
      return engine_error(duckdb_appender_error(appender.get()));
  }
  if (duckdb_appender_close(appender.get()) != DuckDBSuccess)
    return engine_error(duckdb_appender_error(appender.get()));
  return {};
}

Result<> Engine::create_table(std::string_view name, const Table& rows) {
  if (auto checked = check_rows(rows); !checked) return checked;
  std::string columns;
  for (const Column& column : rows.columns)
    columns += fmt::format("{}{} {}", columns.empty() ? "" : ", ", quote_identifier(column.name),
                           engine_type_name(column.type));
  // In a transaction, so that an error leaves the table that was there.
  if (auto begun = execute("BEGIN"); !begun) return begun;
  auto done =
      execute(fmt::format("CREATE OR REPLACE TABLE {} ({})", quote_identifier(name), columns));
  if (done) done = state_->append(std::string(name), rows);
  if (done) done = execute("COMMIT");
  if (done) return {};
  if (auto undone = execute("ROLLBACK"); !undone)
    return Error{ErrorCode::kInternal,
                 fmt::format("{}; and then: {}", done.error().message, undone.error().message)};
  return std::move(done).error().within(fmt::format("table {}", name));
}

Result<> Engine::add_function(const std::string& name, std::span<const ColumnType> parameters,
                              RowFunction function) {
  return register_function(state_->connection.get(), name, parameters, std::move(function));
}

void Engine::interrupt() {
  state_->interrupt();
}

namespace {

std::string quoted(std::string_view text, char quote) {
  std::string result(1, quote);
  for (const char c : text) {
    if (c == quote) result += quote;
    result += c;
  }
  return result += quote;
}

}  // namespace

std::string quote_identifier(std::string_view name) {
  return quoted(name, '"');
}
std::string quote_text(std::string_view text) {
  return quoted(text, '\'');
}

}  // namespace tenure::data
