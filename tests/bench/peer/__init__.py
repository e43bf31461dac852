"""Other engines that do the same work in the same run. A peer has versions(), stop(), and a function for each suite it takes
part in; its processes are started when the first one needs them."""
