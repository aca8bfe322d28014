#include "data/duckdb_function.h"

#include <cmath>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>

#include <fmt/format.h>

namespace tenure::data {
namespace {

// FunctionRows::text_key reads strings in place: length, then the bytes, or four of them and a
// pointer to all.
static_assert(sizeof(duckdb_string_t) == 16 &&
              offsetof(duckdb_string_t, value.inlined.length) == 0);

struct Registered {
  RowFunction function;
  std::vector<bool> is_text;
};

void destroy(void* registered) {
  delete static_cast<Registered*>(registered);  // NOLINT(*-owning-memory): the C API keeps it
}

FunctionRows rows_of(duckdb_data_chunk chunk, const std::vector<bool>& is_text) {
  std::vector<FunctionRows::Column> columns;
  columns.reserve(is_text.size());
  for (std::size_t i = 0; i < is_text.size(); ++i) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
    columns.push_back({.values = duckdb_vector_get_data(vector),
                       .validity = duckdb_vector_get_validity(vector),
                       .is_text = is_text[i]});
  }
  return {duckdb_data_chunk_get_size(chunk), std::move(columns)};
}

void set_nulls(std::span<const double> values, duckdb_vector vector) {
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (!std::isnan(values[row])) continue;
    duckdb_vector_ensure_validity_writable(vector);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), row);
  }
}

void call(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector output) {
  const auto* registered =
      static_cast<const Registered*>(duckdb_scalar_function_get_extra_info(info));
  try {  // nothing may be thrown through the C API
    const FunctionRows rows = rows_of(chunk, registered->is_text);
    const std::span<double> values(static_cast<double*>(duckdb_vector_get_data(output)),
                                   rows.size());
    if (auto done = registered->function(rows, values); !done)
      return duckdb_scalar_function_set_error(info, done.error().message.c_str());
    set_nulls(values, output);
  } catch (const std::exception& exception) {
    duckdb_scalar_function_set_error(info, exception.what());
  }
}

}  // namespace

std::string_view FunctionRows::text(std::size_t column, std::size_t row) const {
  // DuckDB reads a string in place, so its accessor wants no const.
  auto* strings = static_cast<duckdb_string_t*>(const_cast<void*>(columns_[column].values));
  return {duckdb_string_t_data(&strings[row]), duckdb_string_t_length(strings[row])};
}

core::Result<> register_function(duckdb_connection connection, const std::string& name,
                                 std::span<const ColumnType> parameters, RowFunction function) {
  auto registered = std::make_unique<Registered>();
  registered->function = std::move(function);
  duckdb_scalar_function made = duckdb_create_scalar_function();
  duckdb_scalar_function_set_name(made, name.c_str());
  const auto add_type = [](bool is_text, const auto& use) {
    duckdb_logical_type type =
        duckdb_create_logical_type(is_text ? DUCKDB_TYPE_VARCHAR : DUCKDB_TYPE_DOUBLE);
    use(type);
    duckdb_destroy_logical_type(&type);
  };
  for (const ColumnType parameter : parameters) {
    registered->is_text.push_back(parameter == ColumnType::kText);
    add_type(registered->is_text.back(), [made](duckdb_logical_type type) {
      duckdb_scalar_function_add_parameter(made, type);
    });
  }
  add_type(false, [made](duckdb_logical_type type) {
    duckdb_scalar_function_set_return_type(made, type);
  });
  duckdb_scalar_function_set_special_handling(
      made);  // a NULL argument does not make the answer NULL
  duckdb_scalar_function_set_extra_info(made, registered.release(), destroy);
  duckdb_scalar_function_set_function(made, call);
  const duckdb_state state = duckdb_register_scalar_function(connection, made);
  duckdb_destroy_scalar_function(&made);
  if (state != DuckDBSuccess)
    return core::Error{core::ErrorCode::kInternal,
                       fmt::format("cannot add a function {} to the engine", name)};
  return {};
}

}  // namespace tenure::data
