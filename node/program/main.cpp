#include "reki/node/program/node_main.hpp"

int main(int argc, char** argv) { return reki::node_main(argc, argv, {}); }
