#include "cli/command.h"
#include "cli/console.h"

int main(int argc, char** argv) {
  tenure::cli::occupy_closed_streams();
  return tenure::cli::run_command_line(argc, argv);
}
