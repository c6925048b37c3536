#pragma once

#include "ctl/control.h"
#include "net/uplinks.h"

/* Adds the command "links" to @control: which interfaces there are, which are used, and why the
 * others are not. @uplinks must outlive the control's last turn. */
void links_listen(struct uplinks *uplinks, struct control *control);
