// Linked with every core folder as a whole and with what they declare, nothing else: see CMakeLists.txt.
int main() { return 0; }
